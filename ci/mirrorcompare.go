package main

import (
	"context"
	"errors"
)

func compareMirrors(ctx context.Context, w *world, f mirrorFlags) error {
	return errors.New("x")
}
