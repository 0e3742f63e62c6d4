package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"sync"
)

// A sender reads a content once for each try to send it. It gives the last bytes only
// if all are what they should be: a server that wants more has got nothing.
type sender struct {
	ctx     context.Context
	content Content

	mu   sync.Mutex // the connection of a try that was given up may still read
	from io.ReadCloser
	sum  hash.Hash
	sent int64 // bytes of this try
	err  error // why no more is given, to any try
}

// Seek implements io.Seeker; the only place to go is the start.
func (s *sender) Seek(int64, int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = s.closeFrom()
	}
	if s.err == nil {
		s.sum, s.sent = sha256.New(), 0
		s.from, s.err = s.content.Open(s.ctx)
	}
	return 0, s.err
}

// Read implements io.Reader.
func (s *sender) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := contextReader{s.ctx, s.from}.Read(p)
	s.sum.Write(p[:n]) // a hash never fails
	s.sent += int64(n)
	if ended := errors.Is(err, io.EOF); err != nil && !ended {
		s.err = err
	} else if ended || s.sent >= s.content.Size {
		s.err = s.content.damaged(hex.EncodeToString(s.sum.Sum(nil)))
	}
	if s.err != nil {
		return 0, s.err
	}
	return n, err
}

// failure is why the content could not be read.
func (s *sender) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close implements io.Closer.
func (s *sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = fs.ErrClosed
	return s.closeFrom()
}

func (s *sender) closeFrom() error {
	if s.from == nil {
		return nil
	}
	err := s.from.Close()
	s.from = nil
	return err
}
