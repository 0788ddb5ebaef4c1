"""What `alpa.fit` and the command line take where nothing is given, known without torch, so that --help is fast."""

DETECTOR = "alpa"
SIZE = 64  # of pictures, in pixels
STEPS = 500
LEVEL = 0.05  # the share of normal images that may be called anomalous
SEED = 0
THREADS = 1  # small networks gain little by more, lose much where other programs run, and other bits come out
