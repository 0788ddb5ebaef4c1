"""Folders of a user's own pictures that cannot be listed, read or split."""

import io
import shutil
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from tests.bad_input.case import (
    Case,
    Damage,
    folder,
    instead,
    loop,
    make,
    mode,
    pipe,
    remove,
    replace,
    truncate,
    write,
)
from tests.pipeline.own import PARTS

INVENTORY = "../project/data/raw/parts/inventory.json"
AGAIN = "run `python -m pipeline.folder parts`."


def listing(damage: Damage, *says: str, **options: Any) -> Case:
    """Return the case of a folder that cannot be listed."""
    return Case("folder parts", says, damage=damage, base=PARTS, **options)


def decoding(damage: Damage, *says: str) -> Case:
    """Return the case of a folder that was listed as it is, and whose pictures cannot be read or split."""
    return Case("split parts", says, damage=damage, base=PARTS, after=("folder parts",))


def changed(damage: Damage, *says: str, params: Mapping[str, Any] | None = None, **options: Any) -> Case:
    """Return the case of what is wrong since a folder was listed."""
    return Case("split parts", says, params or {}, damage, PARTS, before=("folder parts",), **options)


def picture(name: str, width: int, height: int) -> Damage:
    """Return what writes a black picture."""
    return lambda place: Image.fromarray(np.zeros((height, width), np.uint8)).save(place / name)


def png(width: int, height: int) -> bytes:
    """Return a PNG file that says it is so large, and holds a hundred pixels."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(100))))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def fractions() -> bytes:
    """Return a TIFF picture of fractions."""
    content = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.float32)).save(content, "TIFF")
    return content.getvalue()


LISTING = {
    "a text named .jpg": listing(
        write("anomalous/note.jpg", "no picture"),
        "anomalous/note.jpg in ../parts is not a PNG, JPEG, ",
        "picture; replace or remove it.",
    ),
    "a text named .png": listing(
        write("normal/000.png", "no picture"),
        "normal/000.png in ../parts is not a PNG, JPEG, ",
        "; replace or remove it.",
    ),
    "a program among the pictures": listing(
        write("normal/run.exe", b"MZ\x90\0"),
        "normal/run.exe in ../parts is not a PNG, JPEG, ",
        "; replace or remove it.",
    ),
    "an empty picture": listing(
        write("normal/004.png", ""), "normal/004.png in ../parts is empty (0 bytes); replace or remove it."
    ),
    "a picture without pixels": listing(
        write("normal/004.ppm", b"P6 0 4 255\n"), "normal/004.ppm in ../parts ", "; replace or remove it."
    ),
    "a picture of more pixels than memory holds": listing(
        write("normal/004.png", png(60_000, 60_000)),
        "normal/004.png in ../parts is too large: it has more than ",
        " pixels; replace or remove it.",
    ),
    "a picture of fractions": listing(
        write("normal/004.tif", fractions()),
        "normal/004.tif in ../parts has pixels of mode F, not integers",
        "; replace or remove it.",
    ),
    "a class folder without pictures": listing(
        instead("anomalous", folder),
        "anomalous in ../parts holds no pictures; put some there, or remove the folder.",
    ),
    "a folder that is not there": listing(
        shutil.rmtree, "folders.parts is ../parts, which does not exist; give a folder's path"
    ),
    "a file instead of a folder": listing(
        lambda place: (shutil.rmtree(place), place.write_text("zip")),
        "folders.parts is ../parts, which is not a folder; give the path of one",
    ),
    "an empty folder": listing(
        lambda place: (shutil.rmtree(place), place.mkdir()), "../parts holds no folders with pictures; make it "
    ),
    "pictures of no class": listing(
        picture("stray.png", 8, 8), "stray.png in ../parts lies in no class's folder; move it into one, or elsewhere."
    ),
    "one class alone": listing(
        lambda place: (shutil.rmtree(place / "anomalous"), (place / "normal").rename(place / "good")),
        "../parts holds the class good alone; add pictures of another, to tell it from.",
    ),
    "names that are almost right": listing(
        lambda place: (place / "anomalous").rename(place / "abnormal"),
        "../parts holds abnormal/, normal/; rename abnormal to anomalous.",
    ),
    "layouts that are mixed": listing(
        make("train/good", folder), "../parts holds ", "which is none of the layouts; make it train/<class>/"
    ),
    "a pipe among the pictures": listing(
        make("normal/live.png", pipe),
        "normal/live.png in ../parts is neither a file nor a folder; remove it.",
        as_command=True,
    ),
    "a link to itself among the pictures": listing(
        make("normal/again.png", loop),
        "normal/again.png in ../parts cannot be read (Too many levels of symbolic links); mend or remove the link.",
    ),
    "a link that leads nowhere": listing(
        lambda place: (place / "normal/gone.png").symlink_to("elsewhere.png"),
        "normal/gone.png in ../parts cannot be read (No such file or directory); mend or remove the link.",
    ),
    "a link to a folder that holds it": listing(
        lambda place: (place / "normal/up").symlink_to(".."),
        "normal/up in ../parts is a link to a folder that holds it; remove the link.",
    ),
    "a picture without permission": listing(
        mode("normal/003.png", 0),
        "normal/003.png in ../parts cannot be read (Permission denied); give yourself the permission",
        unprivileged=True,
    ),
    "a class folder without permission": listing(
        mode("normal", 0),
        "normal/ in ../parts cannot be read (Permission denied); give yourself the permission",
        unprivileged=True,
    ),
    "a folder that nobody named": Case(
        "folder gates", ("Data set gates is not under folders in params.yaml; choose parts.",), base=PARTS
    ),
    "a folder of the home folder": Case(
        "folder parts",
        ("folders.parts is ~/parts, in which DVC does not expand ~; write the path in full.",),
        {"folders": {"parts": "~/parts"}},
        base=PARTS,
    ),
    "a folder where DVC removes files": Case(
        "folder parts",
        ("folders.parts is data/raw/mine, which DVC may empty since it lies in data/raw/; move it elsewhere.",),
        {"folders": {"parts": "data/raw/mine"}},
        make("../project/data/raw/mine", folder),
        base=PARTS,
    ),
    "the project's own folder": Case(
        "folder parts",
        ("params.yaml in . lies in no class's folder; move it into one, or elsewhere.",),
        {"folders": {"parts": "."}},
        base=PARTS,
    ),
}
READING = {
    "a truncated PNG": decoding(
        truncate("normal/003.png"), "normal/003.png in ../parts is damaged (", f"; replace or remove it, and {AGAIN}"
    ),
    "a PNG of fewer pixels than its header says": decoding(
        write("normal/003.png", png(20, 24)),
        "normal/003.png in ../parts is damaged (",
        f"; replace or remove it, and {AGAIN}",
    ),
    "too few normal pictures to split": decoding(
        lambda place: [(place / f"normal/{number:03}.png").unlink() for number in range(1, 30)],
        "Class normal of parts has 1 images in the data set",
        "at least 2.",
    ),
    "a picture that is gone since it was listed": changed(
        remove("normal/005.png"),
        "normal/005.png in ../parts cannot be read (No such file or directory); bring it back, or ",
        AGAIN,
    ),
    "a picture that has changed since it was listed": changed(
        picture("normal/005.png", 8, 8), "normal/005.png in ../parts has changed since it was listed (", f"; {AGAIN}"
    ),
    "a pipe instead of a listed picture": changed(
        instead("normal/005.png", pipe),
        "normal/005.png in ../parts cannot be read (it is not a file); bring it back, or ",
        AGAIN,
        as_command=True,
    ),
    "a folder that was never listed": Case(
        "split parts", (f"data/raw/parts/inventory.json does not exist; {AGAIN}",), base=PARTS
    ),
    "an inventory that is cut off": changed(truncate(INVENTORY), f"data/raw/parts/inventory.json is damaged; {AGAIN}"),
    "an inventory that is a number": changed(
        write(INVENTORY, "3"), f"data/raw/parts/inventory.json is damaged; {AGAIN}"
    ),
    "an inventory of an unknown part": changed(
        replace(INVENTORY, '"part": "test"', '"part": "tests"'), f"data/raw/parts/inventory.json is damaged; {AGAIN}"
    ),
    "a pipe instead of an inventory": changed(
        instead(INVENTORY, pipe), "data/raw/parts/inventory.json", AGAIN, as_command=True
    ),
    "still pictures under protocol video": changed(
        lambda place: None,
        "parts holds still images, and protocol video is for clips; choose another one.",
        params={"benchmarks.parts.protocol": "video"},
    ),
}
CASES = {"listing pictures": LISTING, "reading pictures": READING}
