package history

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/publish/target"
)

// The places of a history.
const (
	Dir        = "history"
	TriesDir   = "tries"
	monthsFile = Dir + "/months.json"
	format     = 1
	monthForm  = "2006-01"
)

// The bounds of what is read of a target, whose server may be somebody else's by now.
const (
	maxFile       = 16 << 20 // in bytes
	maxMonths     = 14       // a year, and what is begun
	triesOfAMonth = 1000     // that are kept
)

type monthsList struct {
	Format int      `json:"format"`
	Months []string `json:"months"` // newest first
}

type month struct {
	Format int    `json:"format"`
	Tries  []*Try `json:"tries"` // oldest first
}

// A Book is the history of a target, to be read and written on. Who writes has the target's lock. Nil is one without
// tries.
type Book struct {
	months  []string          // newest first
	listed  []string          // the same, as the target lists them
	tries   map[string][]*Try // by month, of those that were read
	changed map[string]bool   // months
	files   map[string][]byte
}

// Open reads the tries of a target since a time. What cannot be read counts as not there, so that a file that
// somebody broke stops no publish; it is written anew.
func Open(ctx context.Context, s target.Source, since time.Time) (*Book, error) {
	b := &Book{tries: map[string][]*Try{}, changed: map[string]bool{}, files: map[string][]byte{}}
	var list monthsList
	if err := readJSON(ctx, s, monthsFile, &list); err != nil {
		return nil, err
	}
	if len(list.Months) == 0 { // or somebody broke it: the months are there all the same
		list.Months = monthsIn(ctx, s)
	}
	for _, m := range list.Months {
		if _, err := time.Parse(monthForm, m); err == nil && !slices.Contains(b.months, m) && len(b.months) < maxMonths {
			b.months = append(b.months, m)
		}
	}
	slices.Sort(b.months)
	slices.Reverse(b.months)
	b.listed = slices.Clone(b.months)
	first, read := since.UTC().Format(monthForm), b.months
	if i := slices.IndexFunc(read, func(m string) bool { return m < first }); i >= 0 {
		read = read[:i]
	}
	found := make([]month, len(read))
	err := pipeline.Each(len(read), len(read), func(i int) error { return readJSON(ctx, s, monthFile(read[i]), &found[i]) })
	for i, m := range read {
		b.tries[m] = slices.DeleteFunc(found[i].Tries, func(t *Try) bool { return t == nil })
	}
	return b, err
}

// monthsIn are the months that a target has, where it can be asked what it has.
func monthsIn(ctx context.Context, s target.Source) (months []string) {
	lister, ok := s.(interface {
		List(ctx context.Context, dir string) ([]target.Entry, error)
	})
	if !ok {
		return nil
	}
	entries, err := lister.List(ctx, Dir)
	if err != nil {
		return nil // documented at Open
	}
	for _, e := range entries {
		months = append(months, strings.TrimSuffix(path.Base(e.Name), ".json"))
	}
	slices.Sort(months)
	slices.Reverse(months)
	return months
}

func monthFile(m string) string { return Dir + "/" + m + ".json" }

// readJSON reads a file of a history; one that is not there, or is none, leaves the value as it is.
func readJSON(ctx context.Context, s target.Source, name string, into any) error {
	data, err := target.ReadIfThere(ctx, s, name)
	if err != nil || data == nil || len(data) > maxFile {
		return err
	}
	var head struct {
		Format int `json:"format"`
	}
	if json.Unmarshal(data, &head) == nil && head.Format > format {
		return fmt.Errorf("%s has format %d, and this program knows %d; update it", name, head.Format, format)
	}
	_ = json.Unmarshal(data, into) // documented
	return nil
}

// Tries are those that were read, oldest first.
func (b *Book) Tries() []*Try {
	if b == nil {
		return nil
	}
	var all []*Try
	for _, m := range b.months {
		all = append(all, b.tries[m]...)
	}
	sortTries(all)
	return all
}

func sortTries(all []*Try) {
	slices.SortStableFunc(all, func(a, b *Try) int { return a.Began().Compare(b.Began()) })
}

// Add adds a try, cleaned and within its bounds. One of the same run takes the place of what was told before of it;
// one that became the same as the last one of its line makes that a later one. Its month has to be read, if there is one.
func (b *Book) Add(e Entry, clean func(string) string) error {
	t := e.bounded(clean)
	m := t.Began().Format(monthForm)
	if b.tries[m] == nil && slices.Contains(b.months, m) {
		return fmt.Errorf("the try of %s began in %s, and the history was read of later months alone", t.Snapshot, m)
	}
	b.forgetRun(&t)
	if !slices.Contains(b.months, m) {
		b.months = append(b.months, m)
		slices.Sort(b.months)
		slices.Reverse(b.months)
	}
	b.changed[m] = true
	of := b.tries[m]
	if n := len(of) - 1; n >= 0 && sameEnd(of[n], &t) && (len(e.Files) == 0 || again(of[n], &t)) {
		t.First, t.Times, t.Files = of[n].Began(), max(of[n].Times, 1)+1, of[n].Files
		if len(e.Files) > 0 {
			t.Cells = of[n].Cells // and the reports that they name
		}
		of = of[:n]
	} else {
		b.addFiles(e.Files, &t, clean)
	}
	of = append(of, &t)
	sortTries(of)
	b.tries[m] = of[max(0, len(of)-triesOfAMonth):]
	return nil
}

// forgetRun takes away what was told before of the run of a try, also where a month has ended meanwhile. Cells that it
// does not tell of anew it gets from there.
func (b *Book) forgetRun(t *Try) {
	for m, of := range b.tries {
		i := slices.IndexFunc(of, func(o *Try) bool { return o.Name() == t.Name() || t.Run != "" && o.Run == t.Run && o.Line == t.Line })
		if i < 0 {
			continue
		}
		if t.Name() == of[i].Name() && len(t.Cells) < len(of[i].Cells) {
			t.Cells = of[i].with(*t).Cells
		}
		b.tries[m], b.changed[m] = slices.Delete(of, i, i+1), true
	}
}

// addFiles takes the files of a try, and says where its reports are.
func (b *Book) addFiles(files map[string][]byte, t *Try, clean func(string) string) {
	files = taken(files, clean)
	t.Files = slices.Sorted(maps.Keys(files))
	for name, data := range files {
		b.files[path.Join(t.Dir(), name)] = data
	}
	for i, c := range t.Cells {
		t.Cells[i].Report = at(t.Dir(), c.Report)[0]
		t.Cells[i].Screenshots = at(t.Dir(), c.Screenshots...)
		for k, o := range c.Otherwise {
			t.Cells[i].Otherwise[k].After = at(t.Dir(), o.After)[0]
		}
	}
}

// sameEnd reports whether two tries tell nothing new of each other: a mirror has found nothing, or an hourly run fails
// as before.
func sameEnd(a, b *Try) bool {
	return a.Line == b.Line && a.Snapshot == b.Snapshot && a.Stage == b.Stage && a.Cell == b.Cell && a.Reason == b.Reason && !b.At.Before(a.At)
}

// again reports whether a good try has proven nothing anew since another one: its reports are those of that one.
func again(a, b *Try) bool {
	same := func(a, b Cell) bool { return a.Name == b.Name && a.State == b.State && a.Level == b.Level }
	var installed []Stage
	for _, s := range b.Stages {
		if name, _, _ := strings.Cut(s.Name, " "); name == "install" {
			installed = append(installed, s)
		}
	}
	return b.Good() && slices.EqualFunc(a.Cells, b.Cells, same) && len(installed) > 0 && !slices.ContainsFunc(installed, func(s Stage) bool { return s.State != pipeline.Reused })
}

func isText(name string) bool {
	switch path.Ext(name) {
	case ".txt", ".json", ".md", ".html", ".log":
		return true
	}
	return false
}

// Write gives the files to write, by their names, and the months that are too old.
func (b *Book) Write(now time.Time) (files map[string][]byte, old []string, err error) {
	if b == nil {
		return nil, nil, nil
	}
	files = b.files
	for m := range b.changed {
		if files[monthFile(m)], err = encodeMonth(b.tries[m]); err != nil {
			return nil, nil, err
		}
	}
	oldest := now.Add(-KeepTries).UTC().Format(monthForm)
	kept := slices.DeleteFunc(slices.Clone(b.months), func(m string) bool {
		if m < oldest {
			old = append(old, monthFile(m))
		}
		return m < oldest
	})
	if !slices.Equal(kept, b.listed) {
		files[monthsFile], err = encode(monthsList{format, kept})
	}
	return files, old, err
}

// encodeMonth leaves the oldest tries out of a month that could not be read again.
func encodeMonth(tries []*Try) (data []byte, err error) {
	for {
		if data, err = encode(month{format, tries}); err != nil || len(data) <= maxFile || len(tries) < 2 {
			return data, err
		}
		tries = tries[(len(tries)+3)/4:]
	}
}

func encode(v any) ([]byte, error) { return pipeline.EncodeJSON(v, " ") }

// Old gives those of the names of folders of tries whose files are too old.
func Old(names []string, now time.Time) (old []string) {
	for _, name := range names {
		day, err := time.Parse(time.DateOnly, path.Base(name)[:min(len(path.Base(name)), len(time.DateOnly))])
		if err == nil && now.Sub(day) > KeepFiles {
			old = append(old, name)
		}
	}
	return old
}

// sortedNames are the names of files, pictures last: they are cut off first.
func sortedNames(files map[string][]byte) []string {
	return slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		return cmp.Or(strings.Compare(kind(a), kind(b)), strings.Compare(a, b))
	})
}

func kind(name string) string {
	if isText(name) {
		return ""
	}
	return path.Ext(name)
}
