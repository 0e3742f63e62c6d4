package page

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/stages/publish/history"
)

// The feeds of a repository: of all nights, and of when its line turned red or green again.
const (
	FeedFile      = "feed.xml"
	BreakagesFile = "breakages.xml"
)

// maxEntries is how many entries a feed has.
const maxEntries = 40

// atom is RFC 4287.
type atom struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	Title   string   `xml:"title"`
	ID      string   `xml:"id"`
	Updated string   `xml:"updated"`
	Author  string   `xml:"author>name"`
	Links   []link   `xml:"link"`
	Entries []entry  `xml:"entry"`
}

type link struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type entry struct {
	Title   string `xml:"title"`
	ID      string `xml:"id"`
	Updated string `xml:"updated"`
	Link    link   `xml:"link"`
	Content string `xml:"content"`
}

// Feeds are the feeds of a repository, by their files; none without a try. Tries are in order, oldest first.
func Feeds(title, base string, tries []*history.Try) (map[string][]byte, error) {
	if len(tries) == 0 {
		return nil, nil
	}
	var all, turns []*history.Try
	for i, t := range tries {
		all = append(all, t)
		if i == 0 && !t.Good() || i > 0 && t.Good() != tries[i-1].Good() {
			turns = append(turns, t)
		}
	}
	files := map[string][]byte{}
	for name, of := range map[string][]*history.Try{FeedFile: all, BreakagesFile: turns} {
		text := title
		if name == BreakagesFile {
			text += ": breakages"
		}
		data, err := feed(name, text, base, of, tries[0].Began())
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

func feed(name, title, base string, tries []*history.Try, since time.Time) ([]byte, error) {
	f := atom{Title: title, ID: base + name, Author: title, Links: []link{{"self", "application/atom+xml", base + name}, {"alternate", "text/html", base}}}
	for _, t := range slices.Backward(tries) {
		if len(f.Entries) == maxEntries {
			break
		}
		since = later(since, t.Began()) // that it is still so is no news
		e := entry{Title: t.Snapshot + " is good", ID: base + t.Dir(), Updated: t.Began().UTC().Format(time.RFC3339), Link: link{"alternate", "text/html", base}}
		if !t.Good() {
			e.Title = t.Snapshot + " failed in " + t.Stage
			e.Content = t.Reason
			for _, s := range t.Suspects {
				e.Content += "\nSuspect: " + strings.Join([]string{s.Name, short(s.Commit), s.Title, s.URL}, " ")
			}
		}
		f.Entries = append(f.Entries, e)
	}
	f.Updated = since.UTC().Format(time.RFC3339)
	var b bytes.Buffer
	b.WriteString(xml.Header)
	err := xml.NewEncoder(&b).Encode(f)
	b.WriteByte('\n')
	return b.Bytes(), err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
