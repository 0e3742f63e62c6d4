package ci

import (
	"bytes"
	"cmp"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
)

// A report is a result that people read as text or Markdown, and machines as JSON.
type report interface {
	Text() []byte
	Markdown() []byte
	JSON() ([]byte, error)
}

// resultFlags say how and where the result of a command is written.
type resultFlags struct{ format, output string }

// addResult adds the flags of a command's result, in one of these formats. They are checked
// before the command runs; --json is --format json, and --output has what would go to standard
// output.
func (env *factory) addResult(cmd *cobra.Command, f *resultFlags, formats ...string) {
	cmd.Flags().StringVar(&f.format, "format", formats[0], "format of the result: "+strings.Join(formats, ", "))
	cmd.Flags().StringVar(&f.output, "output", "", "file to write the result to (default: standard output)")
	complete(cmd, "format", formats...)
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if env.json && !cmd.Flags().Changed("format") {
			f.format = "json"
		}
		if !slices.Contains(formats, f.format) {
			return usagef("--format %s: want %s or %s", f.format, strings.Join(formats[:len(formats)-1], ", "), formats[len(formats)-1])
		}
		env.resultJSON = f.format == "json"
		if f.output == "" {
			return run(cmd, args)
		}
		if err := makeFolder("--output", filepath.Dir(f.output)); err != nil {
			return err
		}
		var result bytes.Buffer
		env.stdout = &result
		err := run(cmd, args)
		if result.Len() == 0 {
			return err
		}
		return cmp.Or(err, files.Replace(f.output, result.Bytes()))
	}
}

// writeJSON writes a result for machines.
func (env *factory) writeJSON(result any) error {
	data, err := pipeline.EncodeJSON(result, "  ")
	if err != nil {
		return err
	}
	return writeOut(env.stdout, data)
}

// write writes a report.
func (env *factory) write(r report, format string) error {
	var data []byte
	var err error
	switch format {
	case "markdown":
		data = r.Markdown()
	case "json":
		data, err = r.JSON()
	default:
		data = r.Text()
	}
	if err != nil {
		return err
	}
	return writeOut(env.stdout, data)
}

// writeTo writes a result to a file, or to standard output without one.
func (env *factory) writeTo(file string, data []byte) error {
	if file == "" {
		return writeOut(env.stdout, data)
	}
	return files.Replace(file, data)
}

// writeOut writes a result for people or machines, as it is.
func writeOut(out io.Writer, data []byte) error {
	_, err := untyped(out).Write(data)
	return err
}
