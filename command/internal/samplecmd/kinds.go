package samplecmd

import (
	"context"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"govae/checkpoint"
	"govae/command/internal/cli"
	"govae/dist"
	"govae/evaluate"
	"govae/figure"
	"govae/internal/stream"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

// source is what figures are drawn from.
type source struct {
	*options
	model   *vae.Model
	trained train.Settings // of the run that trained the model, as far as it is known
	note    string         // that the images are not those of that run
}

// picture is a figure, with the images in it that the model made.
type picture struct {
	png    func(io.Writer) error
	images []float32 // [n,X]
	about  string
}

// kind is one of the figures.
type kind struct {
	name     string
	n, least int                     // the default and the smallest value of -n
	images   func(n, latent int) int // that the model makes for it; nil for none
	prior    bool                    // the codes are draws of the prior
	data     bool                    // it wants the data set
	label    string                  // which label its images have without -label; "" where -label does not go
	draw     func(*source) (*picture, error)
}

// kinds lists the figures, in the order of the help. It is a function, since what draws them
// reads it.
func kinds() []kind {
	count := func(n, _ int) int { return n }
	return []kind{
		{name: "prior", n: 64, least: 1, images: count, prior: true, label: "all in turn", draw: prior},
		{name: "reconstruct", n: 40, least: 1, images: count, data: true, draw: reconstruct},
		{name: "interpolate", n: 10, least: 2, images: func(n, _ int) int { return pairs * n }, data: true, label: "that of the first image of the pair", draw: interpolate},
		{name: "traverse", n: 11, least: 2, images: func(n, latent int) int { return latent * n }, data: true, label: "that of the image", draw: traverse},
		{name: "manifold", n: 20, least: 1, images: func(n, _ int) int { return n * n }, label: "none: it must be given", draw: manifold},
		{name: "scatter", n: maxN, least: 1, data: true, draw: scatter},
	}
}

// kindOf is the kind of that name.
func kindOf(name string) (kind, bool) {
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return all[i], true
}

// kindsThat lists the names of the kinds for which is is true, of all for nil.
func kindsThat(is func(kind) bool) (list []string) {
	for _, k := range kinds() {
		if is == nil || is(k) {
			list = append(list, k.name)
		}
	}
	return list
}

func ofPrior(k kind) bool { return k.prior }

// labelHelp says which label the images of each kind have without -label.
func labelHelp() string {
	var words []string
	for _, k := range kinds() {
		if k.label != "" {
			words = append(words, k.name+" takes "+k.label)
		}
	}
	return strings.Join(words, ", ")
}

// These keep a slip of the finger from filling the memory.
const (
	maxN      = 100_000
	maxPixels = 50_000_000 // of all images of a figure
)

// open loads the model, and checks that it can make the figure.
func open(o *options) (*source, error) {
	s := &source{options: o}
	var err error
	if s.model, s.trained, err = cli.OpenModel(o.model); err != nil {
		return nil, err
	}
	c := s.model.Config()
	if o.draw.images != nil {
		if n := o.draw.images(o.n, c.Latent); n > maxPixels/c.Pixels() {
			return nil, cli.Usagef("sample: n is %d: that makes %d images of %d×%d pixels, want at most %d", o.n, n, c.Rows, c.Cols, maxPixels/c.Pixels())
		}
	}
	if o.label >= c.Labels && o.label >= 0 {
		if c.Labels == 0 {
			return nil, cli.Usagef("sample: -label %d, of a model that takes no labels", o.label)
		}
		return nil, cli.Usagef("sample: -label %d, of a model whose labels are 0 to %d", o.label, c.Labels-1)
	}
	return s, nil
}

// given is the model that decodes, and what its images are called: given -label, or else the
// labels [n] of the codes.
func (s *source) given(labels []uint8) (m *vae.Model, of string, err error) {
	c := s.model.Config()
	switch {
	case c.Labels == 0:
		return s.model, "", nil
	case s.label < 0:
		m, err = s.model.GivenLabels(labels)
		return m, "", err
	}
	y := make([]float32, c.Labels)
	y[s.label] = 1
	m, err = s.model.Given(y)
	return m, fmt.Sprintf(" of label %d", s.label), err
}

// repeated is the label at i, n times, or nothing where images have no labels.
func repeated(labels []uint8, i, n int) []uint8 {
	if labels == nil {
		return nil
	}
	return slices.Repeat(labels[i:i+1], n)
}

// center returns the codes [n,Z] that stand for images x of those labels.
func (s *source) center(x []float32, labels []uint8) ([]float32, error) {
	model, err := s.model.GivenLabels(labels)
	if err != nil {
		return nil, err
	}
	return model.Center(x)
}

func (s *source) grid(images []float32, perRow int, about string) (*picture, error) {
	c := s.model.Config()
	img, err := figure.Grid(images, c.Rows, c.Cols, perRow, figure.GridOptions{})
	return newPicture(img, images, about), err
}

func (s *source) labelled(images []float32, perRow int, labels []string, about string) (*picture, error) {
	c := s.model.Config()
	img, err := figure.LabelledRows(images, c.Rows, c.Cols, perRow, labels, figure.GridOptions{})
	return newPicture(img, images, about), err
}

func newPicture(img image.Image, images []float32, about string) *picture {
	return &picture{func(w io.Writer) error { return figure.EncodePNG(w, img) }, images, about}
}

// prior draws E[x|z], or x from p(x|z), for z from the prior.
func prior(s *source) (*picture, error) {
	model, of := s.model, ""
	if labels := s.model.Labels(); labels > 0 && s.label < 0 {
		of = fmt.Sprintf(" of labels 0 to %d in turn", labels-1)
	} else if labels > 0 {
		var err error
		if model, of, err = s.given(nil); err != nil {
			return nil, err
		}
	}
	sample, what := model.Sample, "z from the prior at temperature %v"
	if s.pixels {
		sample, what = model.SamplePixels, "z from the prior at temperature %v and pixels from p(x|z)"
	}
	images, err := sample(s.n, s.seed, s.temperature)
	if err != nil {
		return nil, err
	}
	perRow := 1
	for perRow*perRow < s.n {
		perRow++
	}
	return s.grid(images, perRow, fmt.Sprintf("%d new images%s, "+what+", seed %d", s.n, of, s.temperature, s.seed))
}

// test returns the test set and n of its images [n,X], chosen by the seed and
// binarised as the model was trained, and their labels.
func (s *source) test(n int) (x []float32, labels []uint8, set *mnist.Set, err error) {
	_, set, err = mnist.Load(s.data)
	if err != nil {
		return nil, nil, nil, err
	}
	if c := s.model.Config(); set.Rows != c.Rows || set.Cols != c.Cols {
		return nil, nil, nil, fmt.Errorf("sample: the data has images of %d×%d pixels, the model takes %d×%d", set.Rows, set.Cols, c.Rows, c.Cols)
	}
	if home := s.trained.Test; home != "" && home != set.ID() {
		s.note = fmt.Sprintf("note: other data: the model's run was measured on %s; these are %s\n", home, set.ID())
	}
	set = set.Prepare(s.trained.Train.Binarize, stream.New(s.seed, stream.Fixed, 1))
	index := rand.New(stream.New(s.seed, stream.Pick, 0)).Perm(set.Len())
	index = index[:min(n, len(index))]
	x = make([]float32, len(index)*set.Size())
	set.Fill(x, index, s.trained.Train.Binarize, stream.New(s.seed, stream.Evaluate, 0))
	return x, set.LabelsOf(index), set, nil
}

// reconstruct draws test images above E[x|z] at their posterior means.
func reconstruct(s *source) (*picture, error) {
	x, labels, set, err := s.test(s.n)
	if err != nil {
		return nil, err
	}
	model, err := s.model.GivenLabels(labels)
	if err != nil {
		return nil, err
	}
	images, err := model.Reconstruct(x)
	if err != nil {
		return nil, err
	}
	img, err := figure.Pairs(x, images, set.Rows, set.Cols, 10, figure.GridOptions{})
	return newPicture(img, images, fmt.Sprintf("%d test images above their reconstructions", len(x)/set.Size())), err
}

// pairs is the number of rows of an interpolation.
const pairs = 8

// interpolate draws straight lines between the posterior means of pairs of test
// images, a pair a row.
func interpolate(s *source) (*picture, error) {
	x, own, _, err := s.test(2 * pairs)
	if err != nil {
		return nil, err
	}
	mu, err := s.center(x, own)
	if err != nil {
		return nil, err
	}
	var codes []float32
	var labels []uint8 // of the codes
	latent := s.model.Config().Latent
	if len(mu) < 2*latent {
		return nil, fmt.Errorf("sample: interpolate goes from one test image to another, the data has only one")
	}
	for p := range len(mu) / latent / 2 {
		ends := mu[2*p*latent : 2*(p+1)*latent]
		line, err := vae.Interpolate(ends[:latent], ends[latent:], s.n)
		if err != nil {
			return nil, err
		}
		codes = append(codes, line...)
		labels = append(labels, repeated(own, 2*p, s.n)...)
	}
	model, of, err := s.given(labels)
	if err != nil {
		return nil, err
	}
	images, err := model.Decode(codes)
	if err != nil {
		return nil, err
	}
	return s.grid(images, s.n, fmt.Sprintf("pairs of test images, %d steps from one to the other%s, a pair a row", s.n, of))
}

// traverse draws one latent dimension a row, from −3 to 3 standard deviations of
// the prior, the others as in one test image; the most active dimension first.
func traverse(s *source) (*picture, error) {
	x, own, set, err := s.test(1000)
	if err != nil {
		return nil, err
	}
	mu, err := s.center(x, own)
	if err != nil {
		return nil, err
	}
	latent := s.model.Config().Latent
	use, what, err := s.use(x, own)
	if err != nil {
		return nil, err
	}
	var codes []float32
	var labels []string
	for _, j := range byFalling(use) {
		row, err := vae.Traverse(mu[:latent], j, s.n, 3)
		if err != nil {
			return nil, err
		}
		codes = append(codes, row...)
		labels = append(labels, fmt.Sprintf("z%d  %s %.2f", j, what, use[j]))
	}
	model, of, err := s.given(repeated(own, 0, len(codes)/latent))
	if err != nil {
		return nil, err
	}
	images, err := model.Decode(codes)
	if err != nil {
		return nil, err
	}
	return s.labelled(images, s.n, labels, fmt.Sprintf("a latent dimension a row%s, from −3 to 3, the most active first (%s over %d test images)", of, map[string]string{"KL": "mean KL to N(0,1) in nats", "Var": "variance of the code"}[what], len(x)/set.Size()))
}

// use says how much each latent dimension is in use for images x of those labels: by its mean KL
// or, with a flow, which has no KL by dimension, by the variance of its codes.
func (s *source) use(x []float32, labels []uint8) (use []float64, what string, err error) {
	c := s.model.Config()
	model, err := s.model.GivenLabels(labels)
	if err != nil {
		return nil, "", err
	}
	if _, ok := s.model.Posterior().(dist.Normal); ok {
		mu, logvar, err := model.Encode(x)
		return evaluate.RatePerDim(mu, logvar, c.Latent), "KL", err
	}
	z, err := model.Center(x)
	mean, n := make([]float64, c.Latent), float64(len(z)/c.Latent)
	use = make([]float64, c.Latent)
	for i, v := range z {
		mean[i%c.Latent] += float64(v) / n
	}
	for i, v := range z {
		d := float64(v) - mean[i%c.Latent]
		use[i%c.Latent] += d * d / n
	}
	return use, "Var", err
}

// manifold draws the whole latent plane of a 2-D model, in cells of equal
// probability.
func manifold(s *source) (*picture, error) {
	if z := s.model.Config().Latent; z != 2 {
		return nil, fmt.Errorf("sample: the manifold is drawn of a model with 2 latent dimensions, this one has %d: train one with `go run ./cmd/train -latent 2 -out runs/latent2`", z)
	}
	if _, ok := s.model.Prior().(dist.StandardNormal); !ok {
		return nil, fmt.Errorf("sample: the manifold is of equal parts of the prior N(0,I), this model has the %s prior: choose -kind prior or scatter", s.model.Config().Prior)
	}
	codes, err := vae.Manifold(s.n)
	if err != nil {
		return nil, err
	}
	if labels := s.model.Labels(); labels > 0 && s.label < 0 {
		return nil, cli.Usagef("sample: the manifold is of one label of this model: choose -label 0 to %d", labels-1)
	}
	model, of, err := s.given(nil)
	if err != nil {
		return nil, err
	}
	images, err := model.Decode(codes)
	if err != nil {
		return nil, err
	}
	img, err := figure.Grid(images, s.model.Config().Rows, s.model.Config().Cols, s.n, figure.GridOptions{Gap: figure.NoGap, Scale: 1})
	return newPicture(img, images, fmt.Sprintf("the latent plane%s in %d×%[2]d cells of equal probability", of, s.n)), err
}

// scatter draws the posterior means of test images, coloured by label, in the
// two most active dimensions.
func scatter(s *source) (*picture, error) {
	x, labels, _, err := s.test(s.n)
	if err != nil {
		return nil, err
	}
	mu, err := s.center(x, labels)
	if err != nil {
		return nil, err
	}
	latent := s.model.Config().Latent
	if latent < 2 {
		return nil, fmt.Errorf("sample: a scatter plot needs 2 latent dimensions, the model has %d", latent)
	}
	use, _, err := s.use(x, labels)
	if err != nil {
		return nil, err
	}
	dims := byFalling(use)[:2]
	slices.Sort(dims)
	var a, b []float64
	for i := range labels {
		a = append(a, float64(mu[i*latent+dims[0]]))
		b = append(b, float64(mu[i*latent+dims[1]]))
	}
	axis := func(j int) string { return fmt.Sprintf("E[z%d|x]", j) }
	about := fmt.Sprintf("posterior means of %d test images, coloured by label", len(labels))
	return &picture{png: func(w io.Writer) error {
		return figure.Scatter(w, "Posterior means by label", axis(dims[0]), axis(dims[1]), a, b, labels)
	}, about: about}, nil
}

// byFalling lists the indices of values, the largest first.
func byFalling(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case values[a] > values[b]:
			return -1
		case values[a] < values[b]:
			return 1
		}
		return 0
	})
	return order
}

// eachName is the name of an image's file, of one width whatever the number of images.
const eachName = "%06d.png"

// noOther returns an error if a directory has numbered images that n new ones would not
// replace.
func noOther(dir string, n int) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	for _, f := range files {
		text, ok := strings.CutSuffix(f.Name(), ".png")
		if i, err := strconv.Atoi(text); ok && err == nil && (i >= n || f.Name() != fmt.Sprintf(eachName, i)) {
			return fmt.Errorf("sample: -each %s has %s, of an earlier run, that would stand among the %d new images: choose another directory, or remove it", dir, f.Name(), n)
		}
	}
	return nil
}

// writeEach writes images [n,rows·cols] into a directory, one PNG each.
func writeEach(ctx context.Context, dir string, images []float32, rows, cols int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("sample: make %s: %w", dir, err)
	}
	size := rows * cols
	if err := noOther(dir, len(images)/size); err != nil {
		return err
	}
	for i := range len(images) / size {
		if err := ctx.Err(); err != nil {
			return cli.Interruptedf("sample: interrupted after %d of %d images", i, len(images)/size)
		}
		img, err := figure.Grid(images[i*size:(i+1)*size], rows, cols, 1, figure.GridOptions{Scale: 1, Gap: figure.NoGap})
		if err != nil {
			return err
		}
		name := fmt.Sprintf(eachName, i)
		err = checkpoint.WriteFile(filepath.Join(dir, name), func(w io.Writer) error { return figure.EncodePNG(w, img) })
		if err != nil {
			return err
		}
	}
	return nil
}
