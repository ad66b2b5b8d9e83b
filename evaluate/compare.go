package evaluate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"govae/checkpoint"
)

// ErrProtocol reports figures that were made under different protocols.
var ErrProtocol = errors.New("figures of different protocols are not compared")

// Comparable returns an error that names the first part of the protocols that
// differs, ErrProtocol. The seeds may differ.
func Comparable(a, b Protocol) error {
	data := [2]string{a.DataID, b.DataID}
	if a.DataID == "" || b.DataID == "" {
		data = [2]string{a.Data, b.Data}
	}
	for _, f := range []struct {
		name string
		a, b any
	}{
		{"likelihood", a.Likelihood, b.Likelihood}, {"binarisation", word(a.Binarization), word(b.Binarization)}, {"data", data[0], data[1]},
		{"number of images", a.Images, b.Images}, {"estimator", a.Estimator, b.Estimator}, {"k", a.K, b.K}, {"n", a.N, b.N},
	} {
		if f.a != f.b {
			return fmt.Errorf("evaluate: %w: the %s is %v here and %v there", ErrProtocol, f.name, f.a, f.b)
		}
	}
	return nil
}

// word is a binarisation's name, without what Label says of it in brackets.
func word(label string) string {
	name, _, _ := strings.Cut(label, " (")
	return name
}

// Differences are how much higher the figures of one report are than those of
// another, in nats per image. Their standard errors are those of two independent
// means, too large where both are over the same images.
type Differences struct {
	ELBO          Mean `json:"elbo"`
	Rate          Mean `json:"rate"`
	Distortion    Mean `json:"distortion"`
	LogLikelihood Mean `json:"log_likelihood"`
}

// Compare returns the figures of a less those of b, and an error unless both are of
// one protocol (Comparable).
func Compare(a, b *Report) (Differences, error) {
	if err := Comparable(a.Protocol, b.Protocol); err != nil {
		return Differences{}, err
	}
	return Differences{less(a.ELBO, b.ELBO), less(a.Rate, b.Rate), less(a.Distortion, b.Distortion), less(a.LogLikelihood, b.LogLikelihood)}, nil
}

// ReadReport reads a Report that was written as JSON.
func ReadReport(path string) (*Report, error) {
	b, err := checkpoint.ReadFile(path, 1<<24) // a thousand times a usual one
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	var r Report
	if err := json.Unmarshal(b, &r); err != nil || r.Protocol.Images == 0 {
		return nil, fmt.Errorf("evaluate: %s is no report that cmd/evaluate -json wrote", path)
	}
	return &r, nil
}

func less(a, b Mean) Mean { return Mean{a.Mean - b.Mean, math.Hypot(a.StdErr, b.StdErr)} }
