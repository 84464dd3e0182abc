package cli_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A port that nobody asked for and another program has is no reason not to work.
func TestTheDefaultPortIsTaken(t *testing.T) {
	t.Parallel()
	if ln, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil { // or else another program has it already
		t.Cleanup(func() { _ = ln.Close() })
	}
	p := scheduling(t, homeWith(t, gated), listenVariable+"=")
	p.until("work", func() bool { return strings.Contains(p.log.String(), "dingdag works") })
	assert.Contains(t, p.log.String(), "nothing is served over HTTP: set listen to another address, or to off")
	assert.Contains(t, p.log.String(), "127.0.0.1:8080: bind: address already in use")
	p.stop()
}
