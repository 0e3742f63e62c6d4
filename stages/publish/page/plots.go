package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/history"
)

// A Plot is how something of the shop's pages went by night, as a picture of 640 by 160.
type Plot struct {
	Title   string
	Summary string // for who does not see it
	Ticks   []Tick
	Days    []Tick
	Lines   []PlotLine
}

// A Tick is a text at a place of a plot.
type Tick struct {
	X, Y int
	Text string
}

// A PlotLine is one page of the shop.
type PlotLine struct{ Name, Class, Points, Last string }

// A night of a plot.
type measured struct {
	day   time.Time
	pages []history.Page
}

// measure gives the pages of the first cell of each good night.
func measure(tries []*history.Try) (nights []measured) {
	for _, t := range tries {
		if i := slices.IndexFunc(t.Cells, func(c history.Cell) bool { return c.State == pipeline.Done && len(c.Pages) > 0 }); i >= 0 {
			nights = append(nights, measured{t.Began(), t.Cells[i].Pages})
		}
	}
	return nights
}

// Plots are the times of pages, and their queries where those were counted; none before there are two nights.
func (b Board) Plots() (plots []Plot) {
	nights := measure(b.Tries)
	if len(nights) < 2 {
		return nil
	}
	for _, what := range []struct {
		title string
		unit  string
		of    func(history.Page) int64
	}{
		{"Milliseconds by night", "ms", func(p history.Page) int64 { return p.Millis }},
		{"Queries of the database by night", "queries", func(p history.Page) int64 { return int64(p.Queries) }},
	} {
		if p, ok := plot(what.title, what.unit, nights, what.of); ok {
			plots = append(plots, p)
		}
	}
	return plots
}

// The place of the curves in a plot.
const (
	left, right = 40, 632
	top, bottom = 8, 140
)

func plot(title, unit string, nights []measured, of func(history.Page) int64) (p Plot, ok bool) {
	p.Title = title
	var most int64
	var names []string
	for _, n := range nights {
		for _, page := range n.pages {
			most = max(most, of(page))
			if !slices.Contains(names, page.Name) {
				names = append(names, page.Name)
			}
		}
	}
	if most == 0 {
		return p, false
	}
	x := func(i int) int { return left + (right-left)*i/(len(nights)-1) }
	y := func(v int64) int { return bottom - int(int64(bottom-top)*v/most) }
	for _, v := range []int64{0, most / 2, most} {
		p.Ticks = append(p.Ticks, Tick{Y: y(v), Text: fmt.Sprint(v)})
	}
	for _, i := range []int{0, len(nights) / 2, len(nights) - 1} {
		p.Days = append(p.Days, Tick{X: min(max(x(i), left+10), right-14), Text: nights[i].day.Format("Jan 2")})
	}
	var said []string
	for k, name := range names[:min(len(names), 3)] {
		var points []string
		var first, last int64 = -1, 0
		for i, n := range nights {
			if at := slices.IndexFunc(n.pages, func(p history.Page) bool { return p.Name == name }); at >= 0 {
				if last = of(n.pages[at]); first < 0 {
					first = last
				}
				points = append(points, fmt.Sprintf("%d,%d", x(i), y(last)))
			}
		}
		p.Lines = append(p.Lines, PlotLine{name, fmt.Sprintf("l%d", k), strings.Join(points, " "), fmt.Sprintf("%d %s", last, unit)})
		said = append(said, fmt.Sprintf("%s from %d to %d", name, first, last))
	}
	p.Summary = title + ", in " + unit + ": " + strings.Join(said, "; ")
	return p, true
}

// nightsBefore is with how many nights before the last one is compared.
const nightsBefore = 7

// Slow says which pages of the last night took longer, or asked the database more, than a line allows: so many times the
// median of the nights before.
func (b Board) Slow() []string { return Slow(b.Tries, b.Of.Plan.Line.Install) }

// Slow is Board.Slow of tries, oldest first.
func Slow(tries []*history.Try, install releases.Install) (slow []string) {
	nights := measure(tries)
	if len(nights) < 4 || nights[len(nights)-1].day != tries[len(tries)-1].Began() {
		return nil
	}
	last, before := nights[len(nights)-1], nights[max(0, len(nights)-1-nightsBefore):len(nights)-1]
	for _, now := range last.pages {
		var millis, queries []int64
		for _, n := range before {
			if i := slices.IndexFunc(n.pages, func(p history.Page) bool { return p.Name == now.Name }); i >= 0 {
				millis, queries = append(millis, n.pages[i].Millis), append(queries, int64(n.pages[i].Queries))
			}
		}
		if was := median(millis); was > 0 && float64(now.Millis) > install.SlowerBy()*float64(was) && now.Millis-was >= leastSlower {
			slow = append(slow, fmt.Sprintf("the %s took %d ms, and %d ms in the nights before", now.Name, now.Millis, was))
		}
		if was := median(queries); was > 0 && float64(now.Queries) > install.SlowerBy()*float64(was) {
			slow = append(slow, fmt.Sprintf("the %s asked the database %d times, and %d times in the nights before", now.Name, now.Queries, was))
		}
	}
	return slow
}

// leastSlower is what counts at least: machines differ, in milliseconds.
const leastSlower = 50

func median(values []int64) int64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// A Picture is a page of the shop that looks otherwise than in the good night before.
type Picture struct {
	Page, Cell, Share   string
	Before, After       string // addresses
	BeforeDay, AfterDay string
}

// Pictures are those of the last try.
func (b Board) Pictures() (all []Picture) {
	t := b.Shots()
	if t == nil {
		return nil
	}
	for _, c := range t.Cells {
		for _, d := range c.Otherwise {
			before, after := b.Where(t, d.Before), b.Where(t, d.After)
			if before != "" && after != "" {
				all = append(all, Picture{d.Page, c.Name, fmt.Sprintf("%.1f %%", 100*d.Share), before, after, d.BeforeDay, t.Snapshot})
			}
		}
	}
	return all
}
