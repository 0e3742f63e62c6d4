package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"
)

// A probe says how services of one kind tell their version.
type probe struct {
	service  string
	question string         // what is sent; empty: the service speaks first
	version  *regexp.Regexp // finds the version, as the last group, in the answer
	do       string         // what to do about one that does not answer
}

// Sources: MySQL's documentation of its protocol, Protocol::HandshakeV10, before whose
// version MariaDB puts a prefix that pleases old clients; the specification of RESP, with what
// Valkey answers: the version of Redis that it stands for, its own, and then what follows either;
// and that of AMQP 0-9-1, Connection.Start with the field version, a long string.
var (
	databaseProbe = probe{"database", "", regexp.MustCompile(`(?s)^...\x00\x0a(?:5\.5\.5-)?([^\x00]+)\x00`), "start it, or correct its address"}
	cacheProbe    = probe{"cache", "INFO server\r\n", regexp.MustCompile(`(?:valkey|redis)_version:(\S+)\r\n(?:valkey_\S+\r\n)*redis_git_sha1:`), withoutService}
	queueProbe    = probe{"queue", "AMQP\x00\x00\x09\x01", regexp.MustCompile(`(?s)\x07versionS\x00\x00\x00.([0-9][0-9A-Za-z.+-]*)`), withoutService}
)

const withoutService = "start it, correct its address, or do without"

// wait asks a service for its version until it answers.
func (p probe) wait(ctx context.Context, address string) (string, error) {
	return waitFor(ctx, "the "+p.service+" at "+address, p.do, func(ctx context.Context) (string, error) { return p.ask(ctx, "tcp", address) })
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

func (p probe) ask(ctx context.Context, network, address string) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // nothing of worth was written
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte(p.question)); err != nil {
		return "", err
	}
	var answer bytes.Buffer
	part := make([]byte, 4096)
	for err == nil && answer.Len() < maxAnswer {
		var n int
		n, err = conn.Read(part)
		answer.Write(part[:n])
		found := p.version.FindSubmatch(answer.Bytes())
		// What follows the version has come, so that it is whole.
		if found != nil && !bytes.HasSuffix(answer.Bytes(), found[1]) {
			return string(found[1]), nil
		}
	}
	return "", errors.Join(fmt.Errorf("what answers is no %s that says its version", p.service), err)
}

// answerTime is how long a service may take to answer for the first time.
const answerTime = 2 * time.Minute

// waitFor asks a service until it answers. One that never does is a *MachineError.
func waitFor[T any](ctx context.Context, service, do string, ask func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		answer, err := ask(limited)
		if err == nil {
			return answer, nil
		}
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return answer, ctx.Err()
			}
			return answer, &MachineError{Err: fmt.Errorf("%s: no answer within %v: %w", service, answerTime, err), Do: do}
		case <-time.After(100 * time.Millisecond):
		}
	}
}
