package display

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/markdown"
)

// A LogHandler writes log records as the other lines for people: a word, the message, and in
// brackets what it is of.
type LogHandler struct {
	Out   io.Writer
	Level slog.Level // the least that is written
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *LogHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.Level }

// Handle implements slog.Handler.
func (h *LogHandler) Handle(_ context.Context, r slog.Record) error {
	word := "note"
	if r.Level >= slog.LevelWarn {
		word = "warning"
	}
	var details []string
	tell := func(a slog.Attr) bool {
		details = append(details, a.Key+" "+a.Value.Resolve().String())
		return true
	}
	for _, a := range h.attrs {
		tell(a)
	}
	r.Attrs(tell)
	text := r.Message
	if len(details) > 0 {
		text += " (" + strings.Join(details, ", ") + ")"
	}
	_, err := fmt.Fprintf(h.Out, "%s: %s\n", word, markdown.Indented(text))
	return err
}

// WithAttrs implements slog.Handler.
func (h *LogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &LogHandler{h.Out, h.Level, slices.Concat(h.attrs, attrs)}
}

// WithGroup implements slog.Handler: people need no groups.
func (h *LogHandler) WithGroup(string) slog.Handler { return h }
