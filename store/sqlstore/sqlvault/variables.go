package sqlvault

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// variableTable keeps variables in a store, their values encrypted at rest.
type variableTable struct {
	c      sqlrow.Conn
	cipher *connections.Cipher
}

var _ connections.VariableStore = variableTable{}

func scanVariable(rows sqlrow.Rows, v *connections.Variable) error {
	return rows.Scan(&v.Key, &v.Value, &v.Description)
}

// Variables returns every variable, by key.
func (s variableTable) Variables(ctx context.Context) ([]*connections.Variable, error) {
	vs, err := sqlrow.Collect(ctx, s.c, scanVariable, "SELECT key, value, description FROM variable ORDER BY key")
	if err != nil {
		return nil, fmt.Errorf("list variables: %w", err)
	}
	for _, v := range vs {
		if err := s.open(v); err != nil {
			return nil, err
		}
	}
	return vs, nil
}

// Variable returns the text of a variable, or an error that wraps [connections.ErrNotFound].
func (s variableTable) Variable(ctx context.Context, key string) (string, error) {
	v, err := sqlrow.One(ctx, s.c, scanVariable, "SELECT key, value, description FROM variable WHERE key = ?", key)
	if err != nil {
		return "", fmt.Errorf("read variable %q: %w", key, err)
	}
	if v == nil {
		return "", connections.VariableNotFound(key)
	}
	if err := s.open(v); err != nil {
		return "", err
	}
	return v.Value, nil
}

// PutVariable adds or replaces a variable.
func (s variableTable) PutVariable(ctx context.Context, v connections.Variable) error {
	if s.cipher == nil {
		return errNoCipher
	}
	sealed, err := s.cipher.Seal([]byte(v.Value), "variable/"+v.Key)
	if err != nil {
		return fmt.Errorf("encrypt variable %q: %w", v.Key, err)
	}
	_, err = s.c.Exec(ctx, `INSERT INTO variable (key, value, description) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, description = excluded.description`, v.Key, sealed, v.Description)
	if err != nil {
		return fmt.Errorf("write variable %q: %w", v.Key, err)
	}
	return nil
}

// DeleteVariable removes a variable, or returns an error that wraps
// [connections.ErrNotFound].
func (s variableTable) DeleteVariable(ctx context.Context, key string) error {
	n, err := s.c.Exec(ctx, "DELETE FROM variable WHERE key = ?", key)
	if err != nil {
		return fmt.Errorf("delete variable %q: %w", key, err)
	}
	if n == 0 {
		return connections.VariableNotFound(key)
	}
	return nil
}

func (s variableTable) open(v *connections.Variable) error {
	if s.cipher == nil {
		return errNoCipher
	}
	plain, err := s.cipher.Open(v.Value, "variable/"+v.Key)
	if err != nil {
		return fmt.Errorf("open variable %q: %w", v.Key, err)
	}
	v.Value = string(plain)
	return nil
}
