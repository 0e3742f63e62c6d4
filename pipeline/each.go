package pipeline

import (
	"errors"

	"golang.org/x/sync/errgroup"
)

// Each does something for the numbers below n, atOnce of them at the same time. It goes on
// after an error, and gives all of them in their order.
func Each(n, atOnce int, do func(i int) error) error {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range n {
		group.Go(func() error {
			errs[i] = do(i)
			return nil
		})
	}
	_ = group.Wait() // all errors are in errs
	return errors.Join(errs...)
}
