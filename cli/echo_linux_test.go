package cli_test

import (
	"os"

	"golang.org/x/sys/unix"
)

// echoes reports whether a terminal shows what is typed.
func echoes(tty *os.File) (shows bool, err error) {
	conn, err := tty.SyscallConn()
	if err != nil {
		return false, err
	}
	cerr := conn.Control(func(fd uintptr) {
		var mode *unix.Termios
		if mode, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
			shows = mode.Lflag&unix.ECHO != 0
		}
	})
	if cerr != nil {
		return false, cerr
	}
	return shows, err
}
