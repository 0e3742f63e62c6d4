package install

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

//go:embed report.md.tmpl
var reportText string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"seconds": func(ms int64) string { return fmt.Sprintf("%.1f", float64(ms)/float64(time.Second/time.Millisecond)) },
	"mebibytes": func(n int64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n >> 20)
	},
	"cell": cellText,
	"firstLine": func(text string) string {
		line, _, _ := strings.Cut(text, "\n")
		return line
	},
}).Parse(reportText))

// cellText keeps a text within a cell of a Markdown table.
func cellText(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "|", `\|`)
	return strings.ReplaceAll(strings.ReplaceAll(text, "<", "&lt;"), ">", "&gt;")
}

// A verdict is the head of a report.
type verdict struct {
	stages.Installation
	Heading     string
	Failure     string // what went wrong, with its log
	Screenshots []string
}

// Headings of a report.
const (
	headingPassed  = "passed"
	headingPackage = "FAILED: the packages do not make a shop"
	headingMachine = "NOT PROVEN: this machine or a service failed, not the packages"
)

// report writes the report's folder and saves it as a tree, of which only a
// passed installation makes use.
func (s *shop) report(ctx context.Context, made stages.Installation, failed error) (pipeline.Tree, error) {
	dir := s.dir.path("report")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return pipeline.Tree{}, err
	}
	v := verdict{Installation: made, Heading: headingPassed}
	var atFault *MachineError
	switch {
	case errors.As(failed, &atFault):
		v.Heading, v.Failure = headingMachine, failed.Error()
	case failed != nil:
		v.Heading, v.Failure = headingPackage, failed.Error()
		if names := stages.Blamed(v.Failure); names != "" {
			v.Heading += ": " + names
		}
	}
	shots, err := filepath.Glob(filepath.Join(dir, stages.ScreenshotsDir, "*.png"))
	if err != nil {
		return pipeline.Tree{}, err
	}
	for _, file := range shots {
		v.Screenshots = append(v.Screenshots, filepath.Base(file))
	}
	var page bytes.Buffer
	if err := reportTemplate.Execute(&page, v); err != nil {
		return pipeline.Tree{}, err
	}
	data, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return pipeline.Tree{}, err
	}
	for name, content := range map[string][]byte{stages.ReportFile: page.Bytes(), stages.InstallationFile: append(data, '\n')} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return pipeline.Tree{}, err
		}
	}
	return s.saveFolder(ctx, dir)
}

// saveFolder puts a folder's files into the store.
func (s *shop) saveFolder(ctx context.Context, dir string) (pipeline.Tree, error) {
	var files []pipeline.File
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := root.Open(name)
		if err != nil {
			return err
		}
		digest, size, err := s.options.Store.Add(ctx, content)
		files = append(files, pipeline.File{Path: name, Mode: pipeline.Regular, Size: size, Digest: digest})
		return errors.Join(err, content.Close())
	})
	if err != nil {
		return pipeline.Tree{}, fmt.Errorf("save the report: %w", err)
	}
	return s.options.Store.Save(ctx, files)
}
