package vae

import (
	"fmt"
	"slices"
)

// Given is a view of the model with labels y [n,Labels]. Its methods take n images or codes,
// whose labels are the rows of y. If y is one row, they take any number, which all have
// this label. The view shares the model's weights.
func (m *Model) Given(y []float32) (*Model, error) {
	switch {
	case m.labels == 0:
		return nil, fmt.Errorf("vae: labels for a model that takes none")
	case len(y) == 0 || len(y)%m.labels != 0:
		return nil, fmt.Errorf("vae: labels of %d numbers, want rows of %d", len(y), m.labels)
	}
	if i := slices.IndexFunc(y, func(v float32) bool { return v-v != 0 }); i >= 0 {
		return nil, fmt.Errorf("vae: number %d of the labels of row %d is %v, want a finite one", i%m.labels, i/m.labels, y[i])
	}
	given := *m
	given.y = y
	return &given, nil
}

// given adds the labels of n rows to the inputs of a graph.
func (m *Model) given(n int, in map[string][]float32) (map[string][]float32, error) {
	switch {
	case m.labels == 0:
		return in, nil
	case m.y == nil:
		return nil, fmt.Errorf("vae: the model takes labels, of %d numbers for each image: see Model.Given", m.labels)
	case len(m.y) == m.labels:
		in["y"] = slices.Repeat(m.y, n)
	case len(m.y) == n*m.labels:
		in["y"] = m.y
	default:
		return nil, fmt.Errorf("vae: labels of %d rows for %d", len(m.y)/m.labels, n)
	}
	return in, nil
}

// OneHot writes labels as rows of the given width with a 1 at the label's place: [n,width].
// The error names the first label that has none.
func OneHot(labels []uint8, width int) ([]float32, error) {
	if width < 1 {
		return nil, fmt.Errorf("vae: labels of width %d, want at least 1", width)
	}
	if err := fits("labels", len(labels), width); err != nil {
		return nil, err
	}
	y := make([]float32, len(labels)*width)
	for i, l := range labels {
		if int(l) >= width {
			return nil, fmt.Errorf("vae: label %d of image %d, of a model that takes 0 to %d", l, i, width-1)
		}
		y[i*width+int(l)] = 1
	}
	return y, nil
}

// GivenLabels is Given with one-hot labels. If the model takes no labels, it returns the
// model itself.
func (m *Model) GivenLabels(labels []uint8) (*Model, error) {
	switch {
	case m.labels == 0:
		return m, nil
	case labels == nil:
		return nil, fmt.Errorf("vae: the model takes labels, 0 to %d, and the images have none", m.labels-1)
	}
	y, err := OneHot(labels, m.labels)
	if err != nil {
		return nil, err
	}
	return m.Given(y)
}
