package install

import (
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/stages"
)

// shopLogs are the files that a shop writes its complaints to, below the project.
var shopLogs = []string{"var/log/exception.log", "var/log/system.log", "var/log/support_report.log", "var/report/*", "var/report/*/*/*"}

// logFiles are those files and PHP's own.
func (s *shop) logFiles() []string {
	files := []string{s.phpLog()}
	for _, name := range shopLogs {
		files = append(files, glob(s.in(name))...)
	}
	return files
}

// logSizes are the sizes of the logs now, in bytes.
func (s *shop) logSizes() map[string]int64 {
	sizes := map[string]int64{}
	for _, file := range s.logFiles() {
		if info, err := os.Stat(file); err == nil {
			sizes[file] = info.Size()
		}
	}
	return sizes
}

// maxSaid is how many lines of the logs a message holds.
const maxSaid = 25

// logsSince is what was written to the logs since, shortened to what tells most:
// the first lines.
func (s *shop) logsSince(before map[string]int64) string {
	var lines []string
	for _, file := range s.logFiles() {
		for line := range strings.SplitSeq(readFrom(file, before[file]), "\n") {
			line = strings.TrimSpace(strings.ReplaceAll(line, s.project()+"/", ""))
			if line != "" && len(lines) < maxSaid && !slices.Contains(lines, line) {
				lines = append(lines, shorten(line, 2000))
			}
		}
	}
	return strings.Join(lines, "\n")
}

// maxOutput is how much of a log is read, in bytes.
const maxOutput = 16 << 20

// readFrom reads a log from an offset on, as far as it can be read.
func readFrom(file string, offset int64) string {
	f, err := files.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // read only
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return ""
	}
	data, _ := io.ReadAll(io.LimitReader(f, maxOutput)) // what could be read is shown
	return string(data)
}

func shorten(line string, most int) string {
	if len(line) <= most {
		return line
	}
	return strings.ToValidUTF8(line[:most], "") + "…"
}

// notice notes a complaint; those of one kind are counted.
func (s *shop) notice(source, kind, text string) {
	same := alike(text)
	for i, n := range s.noticed {
		if n.Source == source && n.Kind == kind && alike(n.Text) == same {
			s.noticed[i].Count++
			return
		}
	}
	s.noticed = append(s.noticed, stages.Notice{Source: source, Kind: kind, Text: shorten(text, 500), Count: 1})
}

var numbers = regexp.MustCompile(`\d+`)

// alike makes texts the same that differ in numbers alone.
func alike(text string) string { return numbers.ReplaceAllString(shorten(text, 500), "0") }

var (
	phpNotice     = regexp.MustCompile(`^(?:\[[^\]]+\] )?PHP (Warning|Deprecated|Notice|Fatal error|Parse error|User Deprecated|Strict Standards):\s+(.*)$`)
	magentoNotice = regexp.MustCompile(`^\[[^\]]+\] \w+\.(WARNING|ERROR|CRITICAL|ALERT|EMERGENCY|NOTICE): (.*)$`)
	composerWarn  = regexp.MustCompile(`^(?:<warning>)?(Warning|Deprecation Notice|Package \S+ is abandoned)[:,]?\s*(.*)$`)
)

// notices are all complaints, the most frequent first: those that were noted, and
// those in the logs of PHP, Composer and the shop.
func (s *shop) notices() []stages.Notice {
	for file, line := range lines(s.logFiles()) {
		line = strings.ReplaceAll(line, s.project()+"/", "")
		if found := phpNotice.FindStringSubmatch(line); found != nil {
			s.notice("php", strings.ToLower(found[1]), found[2])
		} else if found := magentoNotice.FindStringSubmatch(line); found != nil {
			s.notice(filepath.Base(file), strings.ToLower(found[1]), found[2])
		}
	}
	for _, line := range lines(glob(s.dir.path("logs/*-install.log"), s.dir.path("logs/*-update.log"))) {
		found := composerWarn.FindStringSubmatch(line)
		switch {
		case found == nil, strings.HasPrefix(found[2], "Accessing 127.0.0.1 over http"): // our own server: no news
		case strings.HasPrefix(found[1], "Package "):
			s.notice("composer", "abandoned", line)
		case strings.HasPrefix(found[1], "Deprecation"):
			s.notice("composer", "deprecated", found[2])
		default:
			s.notice("composer", "warning", found[2])
		}
	}
	all := slices.Clone(s.noticed)
	slices.SortStableFunc(all, func(a, b stages.Notice) int { return b.Count - a.Count })
	return all
}

// lines are those of files, each with the file.
func lines(files []string) iter.Seq2[string, string] {
	return func(yield func(file, line string) bool) {
		for _, file := range files {
			for line := range strings.SplitSeq(readFrom(file, 0), "\n") {
				if !yield(file, line) {
					return
				}
			}
		}
	}
}

// glob gives the files of patterns that are right.
func glob(patterns ...string) (files []string) {
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern)
		files = append(files, found...)
	}
	return files
}
