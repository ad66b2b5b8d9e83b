package mnist

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
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
		{"gzip: trailing byte outside", trainX, append(bytes.Clone(zipped), 1), "ends in the gzip checksum"},
		{"gzip: trailing garbage", trainX, append(bytes.Clone(zipped), "some garbage"...), "corrupt gzip"},
		{"gzip: header cut", trainX, zipped[:5], "ends in the gzip header"},
		{"gzip: wrong method", trainX, flip(zipped, 2), "corrupt gzip"},
		{"gzip: body cut", trainX, cut(zipped, 200), "of 1280 bytes"},
		{"gzip: checksum cut", trainX, cut(zipped, 8), "ends in the gzip checksum"},
		{"gzip: checksum wrong", trainX, flip(zipped, -8), "corrupt gzip (gzip: invalid checksum)"},
		{"gzip: length wrong", trainX, flip(zipped, -1), "invalid checksum"},
		{"gzip: reserved block type", trainX, flip(zipped, 10), "corrupt gzip"},
		{"labels for images", trainX, small[trainY], "0x00000801, want 0x00000803: this is not an IDX image file"},
		{"images for labels", trainY, small[trainX], "0x00000803, want 0x00000801: this is not an IDX label file"},
		{"a web page", trainX, []byte("<!DOCTYPE html><title>404</title>"), "0x3c21444f"},
		{"a short web page", trainY, []byte("<html>"), "not an IDX label file"},
		{"negative count", trainX, imageFile(-1, 8, 8, nil), "claims -1 images"},
		{"negative label count", trainY, labelFile(-1<<31, nil), "claims -2147483648 labels"},
		{"no images", testX, imageFile(0, 8, 8, nil), "claims 0 images"},
		{"no labels", testY, labelFile(0, nil), "claims 0 labels"},
		{"huge count", trainX, imageFile(1<<31-1, 28, 28, nil), "claims 2147483647 images"},
		{"huge but allowed", trainX, imageFile(maxImages, maxSide, maxSide, nil), "after 0 of"},
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

// A header of 16 bytes that claims 1.7 petabytes costs no more memory than the
// first step of the reader.
func TestReadBoundsMemory(t *testing.T) {
	for _, content := range [][]byte{
		imageFile(maxImages, maxSide, maxSide, nil),
		gzipped(imageFile(maxImages, maxSide, maxSide, nil)),
		gzipped(imageFile(maxImages, 1, 1, make([]uint8, 3000))),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := gunzip(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readImages(r); err == nil {
			t.Error("no error")
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 2*firstStep {
			t.Errorf("allocated %d bytes, want at most %d", got, 2*firstStep)
		}
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
	f.Fuzz(func(t *testing.T, content []byte) {
		isRaw := !bytes.HasPrefix(content, []byte("\x1f\x8b"))
		if r, err := gunzip(bytes.NewReader(content)); err == nil {
			if m, err := readImages(r); err == nil {
				again := imageFile(int32(m.len()), int32(m.rows), int32(m.cols), m.pixels)
				if m.len() < 1 || m.len()*m.rows*m.cols != len(m.pixels) || isRaw && !bytes.Equal(again, content) {
					t.Errorf("images: read %d of %dx%d from %x", m.len(), m.rows, m.cols, content)
				}
			}
		}
		if r, err := gunzip(bytes.NewReader(content)); err == nil {
			if labels, err := readLabels(r); err == nil {
				again := labelFile(int32(len(labels)), labels)
				if len(labels) < 1 || isRaw && !bytes.Equal(again, content) {
					t.Errorf("labels: read %d from %x", len(labels), content)
				}
				for _, l := range labels {
					if l > 9 {
						t.Errorf("label %d", l)
					}
				}
			}
		}
	})
}
