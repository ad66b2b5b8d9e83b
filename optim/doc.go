// Package optim changes weights along their gradients: [Adam], [AdamW] and [SGD], with
// [ClipNorm], and schedules of the step size. It is not a training loop (package train
// is), and it knows no model: weights and gradients are slices of float32.
//
// Each optimiser is a file that implements [Optimizer] and registers itself. An
// optimiser or schedule from outside does the same, and has its name in flags and
// error texts, and its state in checkpoints, as ours do. See the example.
//
// Section 13 of docs/elbo.md teaches Adam.
package optim
