package mnist

import "errors"

// ErrNotFound is wrapped by the error of Find and Load when there are no data
// where they were looked for. The message says where that was and what to do.
var ErrNotFound = errors.New("mnist: data not found")

// ErrFormat is wrapped by the error of Load when a file is there and readable
// but damaged, or not what its name says. The message names the file.
var ErrFormat = errors.New("mnist: bad data")
