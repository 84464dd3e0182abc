package core

import "net/url"

// MaxShown is how many messages, refusals and notices the page draws at most.
const MaxShown = 200

// View is a part of the page besides the inbox.
type View struct {
	// Name is what the query calls it, Title the link to it.
	Name, Title string
	// HTML is a template that defines "view".
	HTML string
	// Data is what the template draws. It is called under the lock, with the query of the page.
	Data func(url.Values) any
}

// View adds a view to the page.
func (c *Core) View(v View) { c.views = append(c.views, v) }

// Views lists the views in the order in which they were added.
func (c *Core) Views() []View { return c.views }
