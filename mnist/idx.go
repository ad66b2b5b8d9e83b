package mnist

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Limits on what a header may claim. They are far above any data set of this
// kind, and keep the product of the three within an int64.
const (
	maxImages = 100_000_000
	maxSide   = 4096
)

// firstStep bounds what is allocated before any of the data was seen.
const firstStep = 1 << 20

const again = "download the file again"

// images is the content of an IDX image file.
type images struct {
	rows, cols int
	pixels     []uint8 // [n, rows*cols]
}

func (m images) len() int { return len(m.pixels) / (m.rows * m.cols) }

// readImageFile reads an IDX image file, gzipped or raw.
func readImageFile(path string) (images, error) {
	var m images
	err := readFile(path, func(r io.Reader) (err error) {
		m, err = readImages(r)
		return err
	})
	return m, err
}

// readLabelFile reads an IDX label file, gzipped or raw.
func readLabelFile(path string) ([]uint8, error) {
	var labels []uint8
	err := readFile(path, func(r io.Reader) (err error) {
		labels, err = readLabels(r)
		return err
	})
	return labels, err
}

// readFile calls read with the content of a file, and puts the file's name and
// the kind of failure on its error.
func readFile(path string, read func(io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("mnist: %w", err) // names the file already
	}
	defer f.Close()
	r, err := gunzip(f)
	if err == nil {
		err = read(r)
	}
	var failed *os.PathError
	var corrupt flate.CorruptInputError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed):
		return fmt.Errorf("mnist: %w", err)
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("%w: %s: corrupt gzip (%w): %s", ErrFormat, path, err, again)
	}
	return fmt.Errorf("%w: %s: %w", ErrFormat, path, err)
}

// gunzip returns the content of r, decompressed if it is gzip. It looks at the
// first bytes and not at the file's name, since browsers may decompress a
// download and leave it the name of a .gz file.
func gunzip(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	start, err := b.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if string(start) == "\x1f\x8b" {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, truncated(err, "in the gzip header")
		}
		return z, nil
	}
	return b, nil
}

// readImages reads an IDX file of unsigned bytes in three dimensions: images,
// rows, columns.
func readImages(r io.Reader) (images, error) {
	header, err := readHeader(r, 0x00000803, "image", 3)
	if err != nil {
		return images{}, err
	}
	n, rows, cols := header[0], header[1], header[2]
	if rows < 1 || cols < 1 || rows > maxSide || cols > maxSide {
		return images{}, fmt.Errorf("header claims images of %dx%d pixels, want 1 to %d a side", rows, cols, maxSide)
	}
	pixels, err := readBody(r, n*rows*cols)
	return images{rows: int(rows), cols: int(cols), pixels: pixels}, err
}

// readLabels reads an IDX file of unsigned bytes in one dimension, each 0 to 9.
func readLabels(r io.Reader) ([]uint8, error) {
	header, err := readHeader(r, 0x00000801, "label", 1)
	if err != nil {
		return nil, err
	}
	labels, err := readBody(r, header[0])
	if err != nil {
		return nil, err
	}
	for i, l := range labels {
		if l > 9 {
			return nil, fmt.Errorf("label %d of image %d is not a class: want 0 to 9", l, i)
		}
	}
	return labels, nil
}

// readHeader reads the magic number and the dimensions, big-endian int32 each,
// and checks all but the sides of the images.
func readHeader(r io.Reader, magic uint32, kind string, dims int) ([]int64, error) {
	raw := make([]byte, 4+4*dims)
	n, err := io.ReadFull(r, raw)
	if n >= 4 || err == nil {
		if got := binary.BigEndian.Uint32(raw); got != magic {
			return nil, fmt.Errorf("starts with %#08x, want %#08x: this is not an IDX %s file", got, magic, kind)
		}
	}
	if err != nil {
		return nil, truncated(err, "in the IDX header")
	}
	header := make([]int64, dims)
	for i := range header {
		header[i] = int64(int32(binary.BigEndian.Uint32(raw[4+4*i:])))
	}
	if count := header[0]; count < 1 || count > maxImages {
		return nil, fmt.Errorf("header claims %d %ss, want 1 to %d", count, kind, maxImages)
	}
	return header, nil
}

// readBody reads size bytes and makes sure that they are the last; reading on to
// the end also makes gzip verify its checksum. Memory grows with the data that
// arrive, not with what the header claims.
func readBody(r io.Reader, size int64) ([]byte, error) {
	if size > math.MaxInt {
		return nil, fmt.Errorf("header claims %d bytes of data, more than this machine can address", size)
	}
	body := make([]byte, min(size, firstStep))
	for read := 0; ; {
		n, err := io.ReadFull(r, body[read:])
		read += n
		if err != nil {
			return nil, truncated(err, fmt.Sprintf("after %d of %d bytes of data", read, size))
		}
		if int64(read) == size {
			break
		}
		larger := make([]byte, min(size, 2*int64(read)))
		copy(larger, body)
		body = larger
	}
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0:
		return nil, fmt.Errorf("has bytes after the %d that the header claims: %s", size, again)
	case err != io.EOF:
		return nil, truncated(err, "in the gzip checksum")
	}
	return body, nil
}

// truncated says where a file ended too early; any other error it returns as it
// is.
func truncated(err error, where string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("ends %s: %s", where, again)
	}
	return err
}
