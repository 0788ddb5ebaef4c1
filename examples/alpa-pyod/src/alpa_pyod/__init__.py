"""PyOD's detectors for ALPA's benchmarks."""
