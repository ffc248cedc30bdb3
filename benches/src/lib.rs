//! Comparisons with stock tools, as ratios measured in one run.
