//go:build unix

package php

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLinear shows that no input takes the square of its length.
func TestLinear(t *testing.T) {
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			linear(t, func(size int) []byte {
				return []byte("<?php " + test.before + strings.Repeat(test.text, size/len(test.text)))
			})
		})
	}
}

// TestLongLabel shows that each line of a heredoc costs its own length, not its label's.
func TestLongLabel(t *testing.T) {
	linear(t, func(size int) []byte {
		return []byte("<?php <<<" + strings.Repeat("A", size/2) + "\n" + strings.Repeat("A\n", size/4))
	})
}

// linear compares the times of an input and of one of 16 times its size, which takes
// 256 times as long if it takes the square. The shortest of a few runs counts.
func linear(t *testing.T, src func(size int) []byte) {
	t.Helper()
	const size, times, runs = 1 << 15, 16, 6
	small, large := src(size), src(size*times)
	forSmall, forLarge := time.Hour, time.Hour
	for range runs {
		forSmall, forLarge = min(forSmall, timed(t, small)), min(forLarge, timed(t, large))
		if forLarge < 4*times*forSmall {
			return
		}
	}
	t.Errorf("%s for %d bytes, %s for %d", forLarge, len(large), forSmall, len(small))
}

// timed gives the time of the processors, which does not depend on what else the
// machine does.
func timed(t *testing.T, src []byte) time.Duration {
	t.Helper()
	var before, after syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	Read(src)
	if err := errors.Join(err, syscall.Getrusage(syscall.RUSAGE_SELF, &after)); err != nil {
		t.Fatal(err)
	}
	used := after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano()
	return time.Duration(used)
}

// TestManyNames shows that different names cost their own length each.
func TestManyNames(t *testing.T) {
	src := func(size int) []byte {
		var b bytes.Buffer
		b.WriteString("<?php namespace A" + strings.Repeat("a", 200) + ";")
		for i := range size / 256 {
			fmt.Fprintf(&b, "use B\\C%d; new C%d\\D(E%d(F%d)); class G%d {}", i, i, i, i, i)
		}
		return b.Bytes()
	}
	linear(t, src)
	f := Read(src(4000 * 256))
	if got := len(f.References); got != 16000 || len(f.Declares) != 4000 {
		t.Errorf("%d references and %d classes, want 16000 and 4000", got, len(f.Declares))
	}
}
