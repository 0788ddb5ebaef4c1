"""List the files of a data set of the user's own, with their SHA-256, in data/raw/<dataset>/."""

from alpa.data.folders import find_folder, list_clips, list_pictures, write_inventory
from alpa.data.sources import RAW_FOLDER
from alpa.params import load_params
from pipeline import stage
from pipeline.alone import alone


@stage
@alone
def main(dataset: str) -> None:
    """List the folder that params.yaml names for `dataset`, as pictures or as clips; the files stay where they are."""
    from alpa.data.clips import is_clip_folder

    folder = find_folder(dataset, load_params().folders)
    inventory = (list_clips if is_clip_folder(folder) else list_pictures)(dataset, folder)
    write_inventory(RAW_FOLDER / dataset, inventory)
    if inventory.left_alone:
        print(f"{dataset}: {inventory.left_alone} hidden files and files of text beside the pictures are left alone.")


if __name__ == "__main__":
    main()
