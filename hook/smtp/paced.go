package smtp

import (
	"net"
	"time"
)

// pacedConn gives each read and write its time.
type pacedConn struct {
	net.Conn

	timeout time.Duration
}

func (c *pacedConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *pacedConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// deadline is on the clock of the network poller, which is no other.
func (c *pacedConn) deadline() time.Time {
	return time.Now().Add(c.timeout) //nolint:forbidigo // a deadline of the operating system
}
