package scan

import "encoding/binary"

// A decoder reads a pack. Once something was damaged it gives zeros.
type decoder struct {
	rest    []byte
	strings []string
	damaged bool
}

func (d *decoder) fail() { d.rest, d.damaged = nil, true }

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) byte() byte {
	b := d.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// count is the number of things that follow, of at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.number()
	if n > uint64(len(d.rest)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

// table reads the table of strings. They share one piece of memory.
func (d *decoder) table() {
	n := d.count(1)
	all := string(d.rest)
	d.strings = make([]string, 0, n)
	for range n {
		size := d.number()
		at := len(all) - len(d.rest)
		if d.bytes(size); d.damaged {
			return
		}
		d.strings = append(d.strings, all[at:at+int(size)])
	}
}

func (d *decoder) string() string {
	n := d.number()
	if n >= uint64(len(d.strings)) {
		d.fail()
		return ""
	}
	return d.strings[n]
}

func (d *decoder) result() result {
	if d.byte() == 0 {
		return result{}
	}
	r := result{understood: true, problem: d.string()}
	if n := d.count(1); n > 0 {
		r.declares = make([]string, n)
		for i := range r.declares {
			r.declares[i] = d.string()
		}
	}
	if n := d.count(3); n > 0 {
		r.references = make([]Reference, n)
		for i := range r.references {
			r.references[i] = Reference{Kind(d.byte()), d.string(), int(d.number())}
		}
	}
	return r
}
