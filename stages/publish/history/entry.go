package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
)

// An Entry is a try that is to be told to a target, with its files by their names below Try.Dir. Addresses of reports and
// screenshots are from there.
type Entry struct {
	Try
	Files map[string][]byte
}

// maxFiles bounds the files of one try, and maxKept how many tries a folder keeps.
const (
	maxFiles = 8 << 20 // in bytes
	maxKept  = 50
)

// tryFile is the record in a folder of Keep.
const tryFile = "try.json"

// Keep keeps a try in a folder of this machine, for Kept of a later run or of another machine. What lies there is cleaned
// as it would be at a target.
func Keep(dir string, e Entry, clean func(string) string) error {
	t := e.bounded(clean)
	data, err := encode(t)
	if err != nil {
		return err
	}
	at := filepath.Join(dir, t.Name())
	for name, data := range taken(e.Files, clean) {
		if err := files.Replace(filepath.Join(at, filepath.FromSlash(name)), data); err != nil {
			return err
		}
	}
	return files.Replace(filepath.Join(at, tryFile), data) // last: without it there is none
}

// Kept are the tries that lie below a folder, oldest first, those of one run joined. A folder that is not there has none;
// a record that is damaged is left out, so that the others are told.
func Kept(dir string) ([]Entry, error) {
	var all []Entry
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != tryFile {
			return err
		}
		e, err := readKept(filepath.Dir(file))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if e.Line != "" {
			all = append(all, e)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("tries that are kept: %w", err)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return a.Began().Compare(b.Began()) })
	return Join(all[max(0, len(all)-maxKept):]), nil
}

// readKept reads a folder of Keep. What is damaged is an entry of no line.
func readKept(dir string) (e Entry, err error) {
	data, err := files.Read(filepath.Join(dir, tryFile), files.Small)
	if err != nil {
		return e, err
	}
	if json.Unmarshal(data, &e.Try) != nil {
		return Entry{}, nil
	}
	e.Files = map[string][]byte{}
	size := 0
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == tryFile {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		data, err := files.Read(file, maxFiles)
		if size += len(data); err == nil && size <= maxFiles {
			e.Files[filepath.ToSlash(name)] = data
		}
		return err
	})
	return e, err
}

// Forget removes what Keep has kept.
func Forget(dir string) error { return os.RemoveAll(dir) }

// Join makes one try of those that the jobs of one run of a line have told of, in their order: the first that failed says
// in what.
func Join(all []Entry) []Entry {
	var joined []Entry
	for _, e := range all {
		i := slices.IndexFunc(joined, func(o Entry) bool { return e.Run != "" && o.Run == e.Run && o.Line == e.Line })
		if i < 0 {
			joined = append(joined, e)
			continue
		}
		o := &joined[i]
		o.Try = o.with(e.Try)
		o.Files = maps.Clone(o.Files)
		if o.Files == nil {
			o.Files = map[string][]byte{}
		}
		maps.Copy(o.Files, e.Files)
	}
	return joined
}

// with is a try with what a later job of the same run has told.
func (t Try) with(later Try) Try {
	later.At = t.At
	later.Millis = max(t.Millis, later.Millis)
	if later.Plan == "" {
		later.Plan, later.Commits, later.Snapshot = t.Plan, t.Commits, t.Snapshot
	}
	if !t.Good() {
		later.Stage, later.Cell, later.Reason, later.Blamed = t.Stage, t.Cell, t.Reason, t.Blamed
	}
	if len(later.Suspects) == 0 {
		later.Suspects = t.Suspects
	}
	cells := slices.Clone(t.Cells)
	for _, c := range later.Cells {
		i := slices.IndexFunc(cells, func(o Cell) bool { return o.Name == c.Name })
		if i < 0 {
			cells = append(cells, c)
			continue
		}
		if c.Report == "" {
			c.Report, c.Screenshots = cells[i].Report, cells[i].Screenshots
		}
		cells[i] = c
	}
	later.Cells = cells
	stages := slices.Clone(t.Stages)
	for _, s := range later.Stages {
		if i := slices.IndexFunc(stages, func(o Stage) bool { return o.Name == s.Name }); i < 0 {
			stages = append(stages, s)
		} else if stages[i].State != pipeline.Done {
			stages[i] = s
		}
	}
	later.Stages = stages
	return later
}

// taken are those files of a try that are within its bounds, cleaned.
func taken(all map[string][]byte, clean func(string) string) map[string][]byte {
	kept, size := map[string][]byte{}, 0
	for _, name := range sortedNames(all) {
		data := all[name]
		if size += len(data); size > maxFiles || pipeline.ValidPath(name) != nil {
			continue
		}
		if isText(name) {
			data = []byte(clean(string(data)))
		}
		kept[name] = data
	}
	return kept
}

// at are addresses below a folder; one that is absolute stays.
func at(dir string, addresses ...string) []string {
	all := make([]string, len(addresses))
	for i, a := range addresses {
		if all[i] = a; a != "" && !strings.Contains(a, "://") && !strings.HasPrefix(a, TriesDir+"/") {
			all[i] = path.Join(dir, a)
		}
	}
	return all
}
