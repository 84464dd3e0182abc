package connections

// GetDescription returns the description, "" when it is null.
func (c *Connection) GetDescription() string { return valueOf(c.Description) }

// GetHost returns the host, "" when it is null.
func (c *Connection) GetHost() string { return valueOf(c.Host) }

// GetLogin returns the login, "" when it is null.
func (c *Connection) GetLogin() string { return valueOf(c.Login) }

// GetPassword returns the password, "" when it is null.
func (c *Connection) GetPassword() Secret { return valueOf(c.Password) }

// GetSchema returns the schema, "" when it is null.
func (c *Connection) GetSchema() string { return valueOf(c.Schema) }

// GetPort returns the port, 0 when it is null.
func (c *Connection) GetPort() int { return valueOf(c.Port) }

// GetExtra returns the text of the extra, "" when it is null.
func (c *Connection) GetExtra() Secret { return valueOf(c.Extra) }

func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// secretOf returns null for empty text, as Airflow does for passwords and extras.
func secretOf(text string) *Secret {
	if text == "" {
		return nil
	}
	return new(Secret(text))
}
