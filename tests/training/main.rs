//! Training and its results, with the real executables and the real Python.

mod checkpoints;
mod digit_pictures;
mod distributed;
mod dropout;
mod hostile;
mod kept_files;
mod mutations;
mod one_training;
mod optim;
mod optimizer_table;
mod plan;
mod predict;
mod predict_stdin;
mod real_data;
mod resume;
mod train;
mod unix;
