package ci

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/files"
)

// A report is a result that people read as text or Markdown, and machines as JSON.
type report interface {
	Text() []byte
	Markdown() []byte
	JSON() ([]byte, error)
}

// formatFlag adds the flag that says how a report is written.
func formatFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "text", "text, markdown or json")
	complete(cmd, "format", "text", "markdown", "json")
}

// checkReportFormat refuses a format that there is not, before any work.
func checkReportFormat(format string) error {
	if format != "text" && format != "markdown" && format != "json" {
		return usagef("--format %s: want text, markdown or json", format)
	}
	return nil
}

// write writes a report to a file, or to standard output without one.
func (env *factory) write(r report, format, file string) error {
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
	return env.writeTo(file, data)
}

// writeTo writes a result to a file, or to standard output without one.
func (env *factory) writeTo(file string, data []byte) error {
	if file == "" {
		return writeOut(env.stdout, data)
	}
	return files.Replace(file, data)
}

// writeOut writes a result for people or machines.
func writeOut(out io.Writer, data []byte) error {
	_, err := out.Write(data)
	return err
}
