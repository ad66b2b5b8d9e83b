package mnist

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"govae/internal/torture"
)

// Each damaged file makes Load fail with one line that names the file and says
// what is wrong with it.
func TestLoadDamaged(t *testing.T) {
	const (
		trainX = "train-images-idx3-ubyte"
		trainY = "train-labels-idx1-ubyte"
		testX  = "t10k-images-idx3-ubyte"
		testY  = "t10k-labels-idx1-ubyte"
	)
	small := smallFiles()
	flip := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[(i+len(b))%len(b)] ^= 0xff
		return b
	}
	cut := func(b []byte, n int) []byte { return b[:len(b)-n] }
	zipped := gzipped(small[trainX])

	for _, test := range []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"empty file", trainX, nil, "ends in the IDX header"},
		{"one byte", trainX, []byte{0}, "ends in the IDX header"},
		{"short header", trainX, small[trainX][:15], "ends in the IDX header"},
		{"header only", trainX, small[trainX][:16], "after 0 of 1280 bytes"},
		{"one byte short", trainX, cut(small[trainX], 1), "after 1279 of 1280 bytes"},
		{"labels one short", testY, cut(small[testY], 1), "after 9 of 10 bytes"},
		{"trailing byte", trainX, append(bytes.Clone(small[trainX]), 0), "bytes after the 1280"},
		{"trailing byte of labels", trainY, append(bytes.Clone(small[trainY]), 0), "bytes after the 20"},
		{"gzip: trailing byte inside", trainX, gzipped(append(bytes.Clone(small[trainX]), 0)), "bytes after the 1280"},
		{"gzip: trailing byte outside", trainX, append(bytes.Clone(zipped), 1), "bytes after the end of its gzip data"},
		{"gzip: trailing garbage", trainX, append(bytes.Clone(zipped), "some garbage"...), "bytes after the end of its gzip data"},
		{"gzip: an empty second member", trainX, append(bytes.Clone(zipped), gzipped(nil)...), "bytes after the end of its gzip data"},
		{"gzip: two members", trainX, append(gzipped(small[trainX][:500]), gzipped(small[trainX][500:])...), "after 484 of 1280 bytes"},
		{"gzip: twice", trainX, gzipped(zipped), "not an IDX image file"},
		{"gzip: header of another file", trainX, append(bytes.Clone(zipped), small[trainX]...), "bytes after the end of its gzip data"},
		{"gzip: of nothing", trainX, gzipped(nil), "ends in the IDX header"},
		{"gzip: a bomb, as it claims", trainX, gzipped(imageFile(10_000, 28, 28, make([]uint8, 7_840_000))), "more than 256 times"},
		{"gzip: a bomb, claiming more", trainX, gzipped(imageFile(maxImages, 336, 336, make([]uint8, 7_840_000))), "claims 11289600000000 bytes of data, more than 256 times"},
		{"gzip: a bomb, claiming less", trainX, gzipped(imageFile(20, 8, 8, make([]uint8, 7_840_000))), "bytes after the 1280"},
		{"gzip: a bomb of labels", trainY, gzipped(labelFile(5_000_000, make([]uint8, 5_000_000))), "more than 256 times"},
		{"gzip: header cut", trainX, zipped[:5], "ends in the gzip header"},
		{"gzip: wrong method", trainX, flip(zipped, 2), "corrupt gzip"},
		{"gzip: body cut", trainX, cut(zipped, 200), "of 1280 bytes"},
		{"gzip: checksum cut", trainX, cut(zipped, 8), "ends in the gzip checksum"},
		{"gzip: checksum wrong", trainX, flip(zipped, -8), "corrupt gzip (gzip: invalid checksum)"},
		{"gzip: length wrong", trainX, flip(zipped, -1), "invalid checksum"},
		{"gzip: reserved block type", trainX, flip(zipped, 10), "corrupt gzip"},
		{"labels for images", trainX, small[trainY], "0x00000801, want 0x00000803: this is not an IDX image file, but one of labels"},
		{"images for labels", trainY, small[trainX], "0x00000803, want 0x00000801: this is not an IDX label file, but one of images"},
		{"colour", trainX, idxFile(0x804, []int32{20, 8, 8, 3}, make([]uint8, 20*192)), "0x00000804, want 0x00000803: this is not an IDX image file, but one of 4 dimensions, as of colour images"},
		{"colour, gzipped", testX, gzipped(idxFile(0x804, []int32{10, 8, 8, 3}, make([]uint8, 10*192))), "as of colour images"},
		{"a matrix", trainX, idxFile(0x802, []int32{20, 64}, make([]uint8, 20*64)), "but one of 2 dimensions"},
		{"labels of 20 columns", trainY, idxFile(0x802, []int32{20, 10}, make([]uint8, 200)), "not an IDX label file, but one of 2 dimensions"},
		{"floats", trainX, idxFile(0xd03, []int32{20, 8, 8}, make([]uint8, 4*20*64)), "not an IDX image file of unsigned bytes, but one of 32-bit floats"},
		{"integers for labels", trainY, idxFile(0xc01, []int32{20}, make([]uint8, 80)), "not an IDX label file of unsigned bytes, but one of 32-bit integers"},
		{"a web page", trainX, []byte("<!DOCTYPE html><title>404</title>"), "0x3c21444f"},
		{"a short web page", trainY, []byte("<html>"), "not an IDX label file"},
		{"negative count", trainX, imageFile(-1, 8, 8, nil), "claims -1 images"},
		{"negative label count", trainY, labelFile(-1<<31, nil), "claims -2147483648 labels"},
		{"no images", testX, imageFile(0, 8, 8, nil), "claims 0 images"},
		{"no labels", testY, labelFile(0, nil), "claims 0 labels"},
		{"huge count", trainX, imageFile(1<<31-1, 28, 28, nil), "claims 2147483647 images"},
		{"huge but allowed", trainX, imageFile(maxImages, maxSide, maxSide, nil), "after 0 of"},
		{"huge but allowed, gzipped", trainX, gzipped(imageFile(maxImages, maxSide, maxSide, nil)), "claims 1677721600000000 bytes of data, more than 256 times"},
		{"negative rows", trainX, imageFile(20, -8, 8, nil), "-8x8"},
		{"negative sides", trainX, imageFile(20, -8, -8, make([]uint8, 20*64)), "-8x-8"},
		{"no rows", trainX, imageFile(20, 0, 8, nil), "0x8"},
		{"no columns", trainX, imageFile(20, 8, 0, nil), "8x0"},
		{"huge rows", trainX, imageFile(1, maxSide+1, 1, make([]uint8, maxSide+1)), "4097x1"},
		{"huge columns", trainX, imageFile(1, 1, maxSide+1, make([]uint8, maxSide+1)), "1x4097"},
		{"label 10", trainY, labelFile(20, append(make([]uint8, 19), 10)), "label 10 of image 19"},
		{"label 200", testY, labelFile(10, append([]uint8{0, 200}, make([]uint8, 8)...)), "label 200 of image 1 "},
		{"fewer labels", trainY, labelFile(19, make([]uint8, 19)), "20 images but train-labels-idx1-ubyte 19 labels"},
		{"fewer images", testX, imageFile(9, 8, 8, make([]uint8, 9*64)), "9 images but t10k-labels-idx1-ubyte 10 labels"},
		{"other sides", testX, imageFile(10, 4, 16, make([]uint8, 10*64)), "8x8 but t10k-images-idx3-ubyte of 4x16"},
	} {
		t.Run(test.name, func(t *testing.T) {
			content := smallFiles()
			content[test.file] = test.content
			dir := writeDir(t, "damaged", content)
			train, test_, err := Load(dir)
			if train != nil || test_ != nil {
				t.Error("a set came with the error")
			}
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("got error %v, want ErrFormat", err)
			}
			msg := err.Error()
			if !strings.HasPrefix(msg, "mnist: ") || !strings.Contains(msg, test.want) ||
				!strings.Contains(msg, test.file) || strings.Contains(msg, "\n") {
				t.Errorf("got error %q, want one line that names %s and says %q", msg, test.file, test.want)
			}
		})
	}
}

// refusing runs read, which must fail, and returns its error; it fails if that allocates more than
// twice the file's size and 1 MiB.
func refusing(t testing.TB, size int64, read func() error) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := read()
	runtime.ReadMemStats(&after)
	if n, most := after.TotalAlloc-before.TotalAlloc, uint64(2*size+1<<20); err != nil && n > most {
		t.Errorf("%d bytes allocated for a file of %d, want at most %d (%v)", n, size, most, err)
	}
	return err
}

// imagesOf and labelsOf read what is in memory.
func imagesOf(content []byte) (images, error) {
	return readImages(bytes.NewReader(content), int64(len(content)))
}

func labelsOf(content []byte) ([]uint8, error) {
	return readLabels(bytes.NewReader(content), int64(len(content)))
}

// A file that claims or unpacks to more than it should is refused without taking the memory.
func TestReadBoundsMemory(t *testing.T) {
	lying := gzipped(imageFile(100, 28, 28, make([]uint8, 78_400)))
	copy(lying[len(lying)-4:], "\xff\xff\xff\x7f") // the size at the end of a gzip
	for _, content := range [][]byte{
		imageFile(maxImages, maxSide, maxSide, nil),
		gzipped(imageFile(maxImages, maxSide, maxSide, nil)),
		gzipped(imageFile(maxImages, 1, 1, make([]uint8, 3000))),
		gzipped(imageFile(1000, 28, 28, make([]uint8, 30_000_000))),
		gzipped(imageFile(3000, 28, 28, make([]uint8, 30_000_000))),
		gzipped(imageFile(40_000, 28, 28, make([]uint8, 31_360_000))),
		gzipped(imageFile(1300, 28, 28, make([]uint8, 500_000))),
		lying,
	} {
		if err := refusing(t, int64(len(content)), func() error { _, err := imagesOf(content); return err }); err == nil {
			t.Error("no error")
		}
	}
	path := filepath.Join(t.TempDir(), "sparse")
	for _, begin := range [][]byte{nil, imageFile(60_000, 28, 28, nil), {0x1f, 0x8b, 8}} {
		if err := os.WriteFile(path, begin, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 40<<30); err != nil {
			t.Skip(err)
		}
		if err := refusing(t, 0, func() error { _, err := readImageFile(path); return err }); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a sparse file that begins with %x: %v", begin, err)
		}
	}
}

// A black and white set compresses well, and is read.
func TestReadCompressible(t *testing.T) {
	content := imageFile(1000, 28, 28, make([]uint8, 784_000))
	if m, err := imagesOf(gzipped(content)); err != nil || m.len() != 1000 {
		t.Errorf("%d images, %v", m.len(), err)
	}
	shapes := make([]uint8, 5000*784)
	for i := range 5000 {
		for y := range 8 {
			for x := range 8 {
				shapes[i*784+28*(y+i%19)+x+i*7%20] = 255
			}
		}
	}
	packed := gzipped(imageFile(5000, 28, 28, shapes))
	if m, err := imagesOf(packed); err != nil || m.len() != 5000 {
		t.Errorf("shapes, %d times packed: %v", len(shapes)/len(packed), err)
	}
}

// Damage of each kind at each place: a file cut short at every byte, every bit of a raw
// file's header flipped, every bit of a gzip flipped. Each is refused, or, as in a gzip's
// time stamp, makes no difference.
func TestReadEveryDamage(t *testing.T) {
	files := smallFiles()
	pixels, labels := files["train-images-idx3-ubyte"], files["train-labels-idx1-ubyte"]
	cases, harmless := 0, 0
	try := func(content []byte, what string, harmlessToo bool) {
		cases++
		m, err := imagesOf(content)
		if err != nil {
			l, errL := labelsOf(content)
			if errL == nil && !(harmlessToo && bytes.Equal(labelFile(20, l), labels)) {
				t.Errorf("%s: labels %v", what, l)
			} else if errL == nil {
				harmless++
			}
		} else if !harmlessToo || !bytes.Equal(m.pixels, pixels[16:]) {
			t.Errorf("%s: %d images", what, m.len())
		} else {
			harmless++
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", what, err)
		}
	}
	step := 1
	if testing.Short() {
		step = 10
	}
	for _, raw := range [][]byte{pixels, labels} {
		for n := 0; n < len(raw); n += step {
			try(raw[:n], fmt.Sprintf("%d of %d bytes", n, len(raw)), false)
		}
		zipped := gzipped(raw)
		for n := 0; n < len(zipped); n += step {
			try(zipped[:n], fmt.Sprintf("%d of %d bytes of gzip", n, len(zipped)), false)
		}
		for bit := 0; bit < 8*(4+4*int(raw[3])); bit += step {
			b := bytes.Clone(raw)
			b[bit/8] ^= 1 << (bit % 8)
			try(b, fmt.Sprintf("bit %d", bit), false)
		}
		for bit := 0; bit < 8*len(zipped); bit += step {
			b := bytes.Clone(zipped)
			b[bit/8] ^= 1 << (bit % 8)
			try(b, fmt.Sprintf("bit %d of gzip", bit), true)
		}
	}
	torture.Count(t, "IDX and gzip, cut at every byte and every bit flipped: refused, or the same images", cases)
	if least := 13_500 / step; cases < least || harmless > cases/50 {
		t.Errorf("%d cases, %d of them without a difference, want at least %d and 2%% at most", cases, harmless, least)
	}
}

// Whatever the bytes, the readers do not panic, and what they accept is exactly
// what its header says: written back it gives the same bytes.
func FuzzReadIDX(f *testing.F) {
	for _, content := range smallFiles() {
		f.Add(content)
		f.Add(gzipped(content))
		f.Add(content[:len(content)/2])
	}
	f.Add(imageFile(1, 1, 1, []uint8{7}))
	f.Add(imageFile(-1, -1, -1, nil))
	f.Add(imageFile(maxImages, maxSide, maxSide, nil))
	f.Add(labelFile(2, []uint8{9, 10}))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Add(gzipped(labelFile(100_000, make([]uint8, 100_000))))
	f.Add(append(gzipped(labelFile(2, []uint8{1, 2})), gzipped(nil)...))
	f.Add(idxFile(0x804, []int32{1, 1, 1, 3}, []uint8{1, 2, 3}))
	f.Fuzz(func(t *testing.T, content []byte) {
		isRaw := !bytes.HasPrefix(content, []byte("\x1f\x8b"))
		unpacked := content
		if !isRaw {
			if z, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
				unpacked, _ = io.ReadAll(io.LimitReader(z, 1<<22))
			}
		}
		var m images
		if refusing(t, int64(len(content)), func() (err error) { m, err = imagesOf(content); return err }) == nil {
			if m.len() < 1 || !bytes.Equal(imageFile(int32(m.len()), int32(m.rows), int32(m.cols), m.pixels), unpacked) {
				t.Errorf("images: read %d of %dx%d from %x", m.len(), m.rows, m.cols, content)
			}
		}
		var labels []uint8
		if refusing(t, int64(len(content)), func() (err error) { labels, err = labelsOf(content); return err }) == nil {
			if len(labels) < 1 || !bytes.Equal(labelFile(int32(len(labels)), labels), unpacked) {
				t.Errorf("labels: read %d from %x", len(labels), content)
			}
			for _, l := range labels {
				if l > 9 {
					t.Errorf("label %d", l)
				}
			}
		}
	})
}
