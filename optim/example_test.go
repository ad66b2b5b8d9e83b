package optim_test

import (
	"fmt"

	"govae/optim"
)

// Signs is signSGD, w = w − lr·sign(g): Bernstein et al. 2018, Algorithm 1,
// arXiv:1802.04434. It keeps nothing from step to step.
type Signs struct{ weights [][]float32 }

func (s Signs) Step(grads [][]float32, lr, scale float64) {
	for i, w := range s.weights {
		for j, g := range grads[i] {
			switch g *= float32(scale); {
			case g > 0:
				w[j] -= float32(lr)
			case g < 0:
				w[j] += float32(lr)
			}
		}
	}
}

func (Signs) State() []optim.Moment { return nil }
func (Signs) SetSteps(int)          {}

// After this, the names stand beside ours: in the flags of cmd/train too, if a program
// that imports this package calls it.
func init() {
	optim.Register("signs", func(weights [][]float32, _ optim.Config) (optim.Optimizer, error) {
		return Signs{weights}, nil
	})
	optim.RegisterSchedule("halves", func(done float64) float64 {
		if done < 0.5 {
			return 1
		}
		return 0.5
	})
}

// An optimiser and a schedule of one's own bring a weight to the minimum of (w − 3)²/2,
// whose gradient is w − 3.
func Example() {
	weights := [][]float32{{0}}
	o, err := optim.New("signs", weights, optim.DefaultConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	factor, err := optim.Schedule("halves")
	if err != nil {
		fmt.Println(err)
		return
	}
	const steps = 4
	for i := range steps {
		grads := [][]float32{{weights[0][0] - 3}}
		scale, err := optim.ClipNorm(grads, 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		o.Step(grads, 1*factor(float64(i)/steps), scale)
		fmt.Println(weights[0][0])
	}
	_, err = optim.New("sign", nil, optim.DefaultConfig())
	fmt.Println(err)
	// Output:
	// 1
	// 2
	// 2.5
	// 3
	// optim: unknown optimiser "sign", did you mean signs?: choose adam, adamw, nesterov, sgd or signs
}
