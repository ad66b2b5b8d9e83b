package mnist

import (
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strings"
	"sync"
)

// Load reads the training and the test set from the directory that Find(dir)
// returns: the files
//
//	train-images-idx3-ubyte   train-labels-idx1-ubyte
//	t10k-images-idx3-ubyte    t10k-labels-idx1-ubyte
//
// each gzipped, with .gz at the end of its name, or raw, and with either a
// hyphen or a dot before idx. The error wraps ErrNotFound if a file is missing
// and ErrFormat if one is damaged, claims no images, or does not go with the
// others.
func Load(dir string) (train, test *Set, err error) {
	if dir, err = Find(dir); err != nil {
		return nil, nil, err
	}
	paths, err := locate(dir)
	if err != nil {
		return nil, nil, err
	}
	var (
		pixels [4]images
		labels [4][]uint8
		errs   [4]error
		all    sync.WaitGroup
	)
	for i, path := range paths {
		all.Add(1)
		go func() {
			defer all.Done()
			if i == trainImages || i == testImages {
				pixels[i], errs[i] = loadImages(i, path)
			} else {
				labels[i], errs[i] = loadLabels(i, path)
			}
		}()
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, nil, err
		}
	}
	for _, i := range []int{trainImages, testImages} {
		if n, l := pixels[i].len(), len(labels[i+1]); n != l {
			return nil, nil, fmt.Errorf("%w: %s holds %d images but %s %d labels: take both from one source",
				ErrFormat, paths[i], n, filepath.Base(paths[i+1]), l)
		}
	}
	if a, b := pixels[trainImages], pixels[testImages]; a.rows != b.rows || a.cols != b.cols {
		return nil, nil, fmt.Errorf("%w: %s holds images of %dx%d but %s of %dx%d: take both from one source",
			ErrFormat, paths[trainImages], a.rows, a.cols, filepath.Base(paths[testImages]), b.rows, b.cols)
	}
	train = newSet(dir, "train", pixels[trainImages], labels[trainLabels])
	test = newSet(dir, "test", pixels[testImages], labels[testLabels])
	return train, test, nil
}

// mnistSums are the CRC-32 (IEEE) of MNIST's pixels followed by its labels.
var mnistSums = map[string]uint32{"train": 0xdf6dde61, "test": 0x190e897b}

// newSet names a set by what is in it, so that MNIST is called that however its
// files are packed, and other data after their directory.
func newSet(dir, split string, m images, labels []uint8) *Set {
	name := "MNIST"
	sum := crc32.Update(crc32.ChecksumIEEE(m.pixels), crc32.IEEETable, labels)
	if m.rows != 28 || m.cols != 28 || sum != mnistSums[split] {
		if full, err := filepath.Abs(dir); err == nil {
			dir = full // a name even for "."
		}
		if name = filepath.Base(dir); strings.EqualFold(name, "MNIST") {
			name += " (of other images)"
		}
	}
	return &Set{Name: name + " " + split, Rows: m.rows, Cols: m.cols, Pixels: m.pixels, Labels: labels}
}
