package app

import (
	"os"
	"os/user"
	"strconv"

	"github.com/dingdag/dingdag/store"
)

// Actor is the person at the command line: who is logged in, also behind sudo. On another machine it is the user whose token
// came.
func (a *App) Actor() store.Actor {
	if a.IsGuest() {
		return a.by
	}
	by := store.Actor{Via: store.ViaCLI}
	by.Name, _ = a.LookupEnv("SUDO_USER")
	if by.Name != "" {
		return by
	}
	if u, err := user.Current(); err == nil {
		by.Name = u.Username
	} else {
		by.Name = strconv.Itoa(os.Getuid()) // a container may know no name
	}
	return by
}
