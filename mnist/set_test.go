package mnist

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// three is a set of three images of 1x2 pixels.
func three() *Set {
	return &Set{Name: "three", Rows: 1, Cols: 2, Pixels: []uint8{0, 51, 255, 102, 0, 0}, Labels: []uint8{4, 5, 6}}
}

func TestSet(t *testing.T) {
	s := three()
	if s.Len() != 3 || s.Size() != 2 {
		t.Errorf("Len %d, Size %d, want 3, 2", s.Len(), s.Size())
	}
	if diff := cmp.Diff([]uint8{255, 102}, s.Image(1)); diff != "" {
		t.Errorf("Image(1) (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{255.0 / (3 * 255), 153.0 / (3 * 255)}, s.Mean()); diff != "" {
		t.Errorf("Mean (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{0, 0}, s.Slice(1, 1).Mean()); diff != "" {
		t.Errorf("Mean of an empty set (-want +got):\n%s", diff)
	}
}

func TestSlice(t *testing.T) {
	s := three()
	part := s.Slice(1, 3)
	want := &Set{Name: "three", Rows: 1, Cols: 2, Pixels: []uint8{255, 102, 0, 0}, Labels: []uint8{5, 6}}
	if diff := cmp.Diff(want, part); diff != "" {
		t.Errorf("Slice(1, 3) (-want +got):\n%s", diff)
	}
	part.Image(0)[0] = 9
	if s.Image(1)[0] != 9 {
		t.Error("the slice does not share the set's memory")
	}
	// Growing a slice must not run over the images that follow it.
	first := s.Slice(0, 1)
	_ = append(first.Pixels, 77)
	_ = append(first.Labels, 77)
	_ = append(s.Image(0), 77)
	if s.Image(1)[0] != 9 || s.Labels[1] != 5 {
		t.Error("appending to a slice wrote into the set")
	}
}
