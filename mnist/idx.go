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

// A gzip file may hold up to maxRatio times its own size, or smallest if that is more.
// Images are far from it (MNIST is at 5, the black and white shapes of dSprites at 115);
// a file that was made to exhaust the memory gets to 1000.
const (
	maxRatio = 256
	smallest = 1 << 20
)

const again = "download the file again"

// kind is what an IDX file of unsigned bytes holds: labels, one number each, or grey images
// of rows and columns.
type kind struct {
	name string
	dims int
}

var labelKind, imageKind = kind{"label", 1}, kind{"image", 3}

// magic is the number that a file of this kind begins with.
func (k kind) magic() uint32 { return 0x0800 + uint32(k.dims) }

// images is the content of an IDX image file.
type images struct {
	rows, cols int
	pixels     []uint8 // [n, rows*cols]
}

func (m images) len() int { return len(m.pixels) / (m.rows * m.cols) }

// readImageFile reads an IDX image file, gzipped or raw.
func readImageFile(path string) (m images, err error) {
	err = readFile(path, func(f io.ReadSeeker, size int64) (err error) {
		m, err = readImages(f, size)
		return err
	})
	return m, err
}

// readLabelFile reads an IDX label file, gzipped or raw.
func readLabelFile(path string) (labels []uint8, err error) {
	err = readFile(path, func(f io.ReadSeeker, size int64) (err error) {
		labels, err = readLabels(f, size)
		return err
	})
	return labels, err
}

// readFile calls read with a file and its size, and puts the file's name and
// the kind of failure on its error.
func readFile(path string, read func(f io.ReadSeeker, size int64) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("mnist: %w", err) // names the file already
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = read(f, info.Size())
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

// readImages reads an IDX file of unsigned bytes in three dimensions: images,
// rows, columns.
func readImages(f io.ReadSeeker, size int64) (images, error) {
	header, pixels, err := readIDX(f, size, imageKind)
	if err != nil {
		return images{}, err
	}
	return images{rows: int(header[1]), cols: int(header[2]), pixels: pixels}, nil
}

// readLabels reads an IDX file of unsigned bytes in one dimension, each 0 to 9.
func readLabels(f io.ReadSeeker, size int64) ([]uint8, error) {
	_, labels, err := readIDX(f, size, labelKind)
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

// readIDX reads an IDX file of a size in bytes, gzipped or raw. A gzip is read twice: first
// to see that it holds what its header claims, in all and no more, which takes no memory.
func readIDX(f io.ReadSeeker, size int64, k kind) (header []int64, body []byte, err error) {
	r, end, err := open(f)
	if err != nil {
		return nil, nil, err
	}
	if header, err = readHeader(r, k); err != nil {
		return nil, nil, err
	}
	claimed := int64(1)
	for _, h := range header {
		claimed *= h
	}
	if claimed > math.MaxInt {
		return nil, nil, fmt.Errorf("header claims %d bytes of data, more than this machine can address", claimed)
	}
	held := size - int64(4+4*k.dims)
	if end != nil {
		if claimed > max(maxRatio*size, smallest) {
			return nil, nil, fmt.Errorf("header claims %d bytes of data, more than %d times the %d of the gzip file: if it is sound, unpack it first", claimed, maxRatio, size)
		}
		if held, err = io.Copy(io.Discard, io.LimitReader(r, claimed+1)); err == nil && held == claimed {
			err = end()
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return nil, nil, err
		}
	}
	switch {
	case held < claimed:
		return nil, nil, fmt.Errorf("ends after %d of %d bytes of data: %s", held, claimed, again)
	case held > claimed:
		return nil, nil, fmt.Errorf("has bytes after the %d that the header claims: %s", claimed, again)
	case err != nil:
		return nil, nil, truncated(err, "in the gzip checksum")
	}
	if end != nil {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, nil, err
		}
		if r, _, err = open(f); err == nil {
			_, err = readHeader(r, k)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	body = make([]byte, claimed)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, nil, truncated(err, "while it is read")
	}
	return header, body, nil
}

// open returns the content of f, decompressed if it is gzip. In that case end checks that
// nothing follows. It looks at the first bytes and not at the file's name, since browsers
// may decompress a download and leave it the name of a .gz file.
func open(f io.Reader) (r io.Reader, end func() error, err error) {
	b := bufio.NewReaderSize(f, 64<<10)
	start, err := b.Peek(2)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	if string(start) != "\x1f\x8b" {
		return b, nil, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, nil, truncated(err, "in the gzip header")
	}
	z.Multistream(false)
	return z, func() error {
		if _, err := b.ReadByte(); err == nil {
			return fmt.Errorf("has bytes after the end of its gzip data: %s", again)
		} else if err != io.EOF {
			return err
		}
		return nil
	}, nil
}

// readHeader reads the magic number and the dimensions, big-endian int32 each,
// and checks them.
func readHeader(r io.Reader, k kind) ([]int64, error) {
	raw := make([]byte, 4+4*k.dims)
	n, err := io.ReadFull(r, raw)
	if n >= 4 {
		if err := k.check([4]byte(raw)); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, truncated(err, "in the IDX header")
	}
	header := make([]int64, k.dims)
	for i := range header {
		header[i] = int64(int32(binary.BigEndian.Uint32(raw[4+4*i:])))
	}
	if count := header[0]; count < 1 || count > maxImages {
		return nil, fmt.Errorf("header claims %d %ss, want 1 to %d", count, k.name, maxImages)
	}
	if sides := header[1:]; len(sides) == 2 && (min(sides[0], sides[1]) < 1 || max(sides[0], sides[1]) > maxSide) {
		return nil, fmt.Errorf("header claims images of %dx%d pixels, want 1 to %d a side", sides[0], sides[1], maxSide)
	}
	return header, nil
}

// elements are the types of number that an IDX file may hold, by its third byte.
var elements = map[byte]string{0x08: "unsigned bytes", 0x09: "signed bytes", 0x0b: "16-bit integers", 0x0c: "32-bit integers", 0x0d: "32-bit floats", 0x0e: "64-bit floats"}

// check returns an error unless a file that begins with these bytes is of this kind.
func (k kind) check(magic [4]byte) error {
	got := binary.BigEndian.Uint32(magic[:])
	if got == k.magic() {
		return nil
	}
	s := fmt.Sprintf("starts with %#08x, want %#08x: this is not an IDX %s file", got, k.magic(), k.name)
	element, dims := elements[magic[2]], magic[3]
	switch {
	case magic[0] != 0 || magic[1] != 0 || element == "": // no IDX file at all
	case element != elements[8]:
		s += fmt.Sprintf(" of unsigned bytes, but one of %s", element)
	case dims == 1:
		s += ", but one of labels"
	case dims == 3:
		s += ", but one of images"
	case dims == 4:
		s += ", but one of 4 dimensions, as of colour images: turn them grey"
	default:
		s += fmt.Sprintf(", but one of %d dimensions", dims)
	}
	return errors.New(s)
}

// truncated says where a file ended too early; any other error it returns as it
// is.
func truncated(err error, where string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("ends %s: %s", where, again)
	}
	return err
}
