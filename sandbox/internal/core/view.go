package core

import (
	"net/url"

	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

// MaxShown is how many messages, refusals and notices the page draws at most.
const MaxShown = 200

// View is a part of the page besides the inbox.
type View struct {
	// Name is what the query calls it, Title the link to it.
	Name, Title string
	// Draw is called under the lock, with the query of the page.
	Draw func(url.Values) markup.HTML
}

// View adds a view to the page.
func (c *Core) View(v View) { c.views = append(c.views, v) }

// Views lists the views in the order in which they were added.
func (c *Core) Views() []View { return c.views }
