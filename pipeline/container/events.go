package container

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/mage-os/nightly/pipeline"
)

// A stage in a container tells of itself on its standard output, a line for each
// event. Dagger's log carries the lines here, each behind signs of its own, and maybe
// only after the container has ended; files and problems come with the error of the one that failed.
const (
	stepMark = "@nightly-step "
	logMark  = "@nightly-log "
	fileMark = "@nightly-file "
	failMark = "@nightly-fail "
)

// Events gives the progress and the log of a stage that runs in a container;
// both write to out. due says of each step whether enough time has passed since
// the last one that was told; that a step of pipeline.Steps begins, and the last step of a
// stage, is always told.
func Events(out io.Writer, due func() bool) (pipeline.Progress, *slog.Logger) {
	var mu sync.Mutex
	send := func(mark string, data []byte) {
		mu.Lock()
		defer mu.Unlock()
		writeLine(out, mark, data)
	}
	progress := func(s pipeline.Step) {
		begins := s.Unit == pipeline.Steps && s.Detail == ""
		if s.Done != s.Total && !begins && !due() {
			return
		}
		if data, err := json.Marshal(s); err == nil {
			send(stepMark, data)
		}
	}
	handler := slog.NewJSONHandler(writer(func(p []byte) { send(logMark, p) }), &slog.HandlerOptions{Level: slog.LevelInfo})
	return progress, slog.New(handler)
}

// A sentFile is a small file as a container sends it.
type sentFile struct {
	Name string `json:"name"`
	Data []byte `json:"data"` // base64, as encoding/json writes it
}

// SendFile sends a small file from a container to whoever runs its stage: what a
// failed one leaves, of which the engine keeps nothing. Dagger hands over the last
// 100 KiB of what a failed container wrote.
func SendFile(out io.Writer, name string, data []byte) {
	if line, err := json.Marshal(sentFile{name, data}); err == nil {
		writeLine(out, fileMark, line)
	}
}

// SendProblems sends the problems of a stage that failed, apart, to whoever runs it.
func SendProblems(out io.Writer, problems []string) {
	if line, err := json.Marshal(problems); err == nil {
		writeLine(out, failMark, line)
	}
}

// problemsIn are the problems that a failed stage sent, of what it wrote; nil: none.
func problemsIn(output string) (problems []string) {
	for line := range strings.Lines(output) {
		if data, ok := strings.CutPrefix(line, failMark); ok && json.Unmarshal([]byte(data), &problems) != nil {
			return nil
		}
	}
	return problems
}

// writeLine writes an event. Where that fails the engine has gone, and with it the stage.
func writeLine(out io.Writer, mark string, data []byte) {
	_, _ = out.Write(append(append([]byte(mark), bytes.TrimRight(data, "\n")...), '\n'))
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// A logWriter takes the lines of Dagger's log: all go to the raw log, and the
// events in them to those who listen.
type logWriter struct {
	options Options

	mu   sync.Mutex
	rest []byte // a line that has not ended yet
}

// maxLine bounds what is kept of a line, in bytes.
const maxLine = 1 << 20

// Write implements io.Writer.
func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// The raw log is for people: a full disk there must not end the session.
	_, _ = w.options.Raw.Write(p)
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok {
			break
		}
		w.options.line(string(line))
		w.rest = rest
	}
	if len(w.rest) > maxLine {
		w.rest = nil
	}
	return len(p), nil
}

// line hands on the event of a line, if it has one.
func (o Options) line(line string) {
	var s pipeline.Step
	if _, data, ok := strings.Cut(line, stepMark); ok && json.Unmarshal([]byte(data), &s) == nil {
		o.Progress.Tell(s)
	} else if _, data, ok := strings.Cut(line, logMark); ok {
		o.relay([]byte(data))
	}
}

// files hands on the files that a failed container sent.
func (o Options) files(output string) {
	for line := range strings.Lines(output) {
		var f sentFile
		if data, ok := strings.CutPrefix(line, fileMark); ok && json.Unmarshal([]byte(data), &f) == nil {
			o.File(f.Name, f.Data)
		}
	}
}

// relay logs here what a stage logged in its container.
func (o Options) relay(data []byte) {
	var record map[string]any
	if json.Unmarshal(data, &record) != nil {
		return
	}
	var level slog.Level
	text, _ := record[slog.LevelKey].(string)
	if level.UnmarshalText([]byte(text)) != nil {
		level = slog.LevelInfo
	}
	message, _ := record[slog.MessageKey].(string)
	attrs := make([]slog.Attr, 0, len(record))
	for key, value := range record {
		if key != slog.LevelKey && key != slog.MessageKey && key != slog.TimeKey {
			attrs = append(attrs, slog.Any(key, value))
		}
	}
	o.Log.LogAttrs(context.Background(), level, message, attrs...)
}
