package evaluate

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// units says how many latent dimensions are in use: of the first stochastic layer,
// then of those above it.
func (r *Report) units() string {
	if r.Variance == nil {
		return "n/a"
	}
	s := fmt.Sprintf("%d of %d", r.ActiveUnits, len(r.Variance))
	for l, n := range r.ActiveAbove {
		s += fmt.Sprintf(" + %d of %d", n, r.Model.Above[l].Latent)
	}
	return s
}

// row is a line of the report.
func row(name string, m Mean, note string) string {
	stderr := "n/a"
	if !math.IsNaN(m.StdErr) {
		stderr = fmt.Sprintf("%.3f", m.StdErr)
	}
	return fmt.Sprintf("%-13s %9.3f ± %s   %s\n", name, m.Mean, stderr, note)
}

// WriteText prints the report as a person reads it.
func (r *Report) WriteText(w io.Writer) error {
	p := r.Protocol
	s := ""
	if r.OtherData != "" {
		s = "note: other data: " + r.OtherData + "\n"
	}
	s += "nats per image, mean ± standard error over images\n" +
		row("ELBO", r.ELBO, "= −(rate + distortion)") +
		row("rate", r.Rate, "KL(q(z|x) ‖ p(z))") +
		row("distortion", r.Distortion, "−E_q log p(x|z)") +
		row("log p(x)", r.LogLikelihood, fmt.Sprintf("importance-weighted, K=%d, %d images; a lower bound in expectation", p.K, p.N)) +
		row("ESS", r.ESS, fmt.Sprintf("effective sample size, of %d draws", p.K))
	if r.BitsPerDim != nil {
		s += row("bits per dim", *r.BitsPerDim, "bits: −log2 p(x) for each pixel; an upper bound, as log p(x) is a lower one")
	}
	s += fmt.Sprintf("%-13s %s   Var(E[z|x]) > %v\n", "active units", r.units(), active)
	if g := r.Surgery; g != nil {
		note := fmt.Sprintf("I_q(n;z), of at most log N = %.3f; %d draws of each of ", g.LogN, g.Protocol.Draws)
		if g.Protocol.Images == 0 {
			note += "all images"
		} else {
			note += fmt.Sprintf("%d images", g.Protocol.Images)
		}
		s += "the rate taken apart (± over draws, the images taken as given)\n" + row("information", g.MutualInformation, note) + row("marginal KL", g.MarginalKL, "KL(q(z) ‖ p(z))")
	}
	if g := r.Gap; g != nil {
		s += fmt.Sprintf("the gap between log p(x) and the ELBO, on %d images\n", g.Protocol.Images) +
			row("approximation", g.Approximation, fmt.Sprintf("log p(x) − ELBO(q*), importance weights of %d draws", 3*g.Protocol.Draws)) +
			row("amortisation", g.Amortisation, fmt.Sprintf("ELBO(q*) − ELBO(q), q* after %d steps", g.Protocol.Steps)) +
			row("ESS", g.ESS, "effective sample size, of these draws")
		if g.LowESS > 0 {
			s += fmt.Sprintf("              below %d for %d of %d images: approximation is a lower bound only\n", LowESS, g.LowESS, g.Protocol.Images)
		}
	}
	if c := r.Comparison; c != nil {
		s += "higher than what it is compared with by\n" + row("ELBO", c.ELBO, "") + row("rate", c.Rate, "") +
			row("distortion", c.Distortion, "") + row("log p(x)", c.LogLikelihood, "")
	}
	s += fmt.Sprintf("protocol      %s, %d images; likelihood %s; binarisation %s; seed %d\n", p.Data, p.Images, p.Likelihood, p.Binarization, p.Seed)
	_, err := io.WriteString(w, s)
	return err
}

// WriteDims prints the latent dimensions of the first code, the most active first.
func (r *Report) WriteDims(w io.Writer) error {
	order := make([]int, max(len(r.Variance), len(r.RatePerDim)))
	for j := range order {
		order[j] = j
	}
	if r.Variance != nil {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(r.Variance[b], r.Variance[a]) })
	}
	var s strings.Builder
	s.WriteString("dimension  Var(E[z|x])  KL to N(0,1), nats\n")
	for _, j := range order {
		variance, kl := "–", "–" // there is none of one image, and of another posterior than a Gaussian no KL by dimension
		if r.Variance != nil {
			variance = fmt.Sprintf("%.4f", r.Variance[j])
		}
		if len(r.RatePerDim) > 0 {
			kl = fmt.Sprintf("%.3f", r.RatePerDim[j])
		}
		fmt.Fprintf(&s, "z%-9d %-12s %s\n", j, variance, kl)
	}
	if len(order) > 0 && len(r.RatePerDim) == 0 {
		s.WriteString("–: the KL to N(0,1) by dimension is that of a normal posterior without a flow\n")
	}
	_, err := io.WriteString(w, s.String())
	return err
}
