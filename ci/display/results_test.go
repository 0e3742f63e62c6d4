package display

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A folder is named by its whole path and can be served; a bucket is named as it was
// given.
func TestResultsSayWhere(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{
		"out": "\nRepository      " + filepath.Join(dir, "out") + "\nNight           " + filepath.Join(dir, "out/nights/2026-11-24") +
			"\nServe it        mageos-nightly serve out\nPlan ",
		"s3://bucket/folder": "\nRepository      s3://bucket/folder\nNight           s3://bucket/folder/nights/2026-11-24\nPlan ",
	} {
		var out bytes.Buffer
		d := New(Options{Stdout: &out})
		d.Results(nightly.Result{
			Plan: &releases.Plan{Line: releases.Line{}}, Publication: &stages.Publication{Target: to, Snapshot: "2026-11-24"},
		}, "plan.json")
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %s", to, &out)
		}
	}
}

// A run of which a part was skipped or reused says nothing of how long all takes.
func TestTimesOfWhole(t *testing.T) {
	for state, want := range map[pipeline.State]bool{pipeline.Done: true, pipeline.Skipped: false, pipeline.Reused: false} {
		d := New(Options{Stdout: io.Discard, Stderr: io.Discard, Now: time.Now})
		d.Report(pipeline.Report{Stage: "plan", State: pipeline.Done})
		d.Report(pipeline.Report{Stage: "build", State: state})
		if _, whole := d.Times()[""]; whole != want {
			t.Errorf("%s: whole %t, want %t", state, whole, want)
		}
	}
}

// A table fits the terminal: its last column is broken at words.
func TestTableFits(t *testing.T) {
	detail := "20 packages installed, 14 of them ours; not proven: 2"
	for width, want := range map[int]string{
		0:  "done   " + detail,
		60: "done   20 packages installed, 14 of\n" + strings.Repeat(" ", 28) + "them ours; not proven: 2\n",
	} {
		var out bytes.Buffer
		now := time.Now()
		d := New(Options{Stdout: &out, Stderr: io.Discard, Now: func() time.Time { return now }, Width: width})
		d.Report(pipeline.Report{Stage: "install", State: pipeline.Done, Detail: detail})
		d.table()
		if !strings.Contains(out.String(), want) {
			t.Errorf("%d columns:\n%s", width, &out)
		}
	}
}

// So does the line that says where stages run.
func TestWhereFits(t *testing.T) {
	var out bytes.Buffer
	d := New(Options{Stdout: io.Discard, Stderr: &out, Now: time.Now, Width: 60})
	d.Where("process", "no container engine answers: tried docker and podman")
	want := "runner       process: no container engine answers: tried\n" + strings.Repeat(" ", 13) + "docker and podman\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What failed may be package code, whose output does nothing to a terminal.
func TestFailedIsPrintable(t *testing.T) {
	var out bytes.Buffer
	d := New(Options{Stdout: io.Discard, Stderr: &out, Now: time.Now})
	_ = d.Failed(errors.New("install: \x1b]0;title\aone\n\ttwo\x1b[2J"))
	if want := "\nmageos-nightly: install: ?]0;title?one\n     two?[2J\n"; !strings.Contains(out.String(), want) {
		t.Errorf("%q lacks %q", out.String(), want)
	}
}
