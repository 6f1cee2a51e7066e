package main

import (
	"math"

	"github.com/ottla-streams/ottla/topology"
)

// command asks for a change of an account. It may be refused.
type command struct {
	Do     string // deposit or withdraw
	Amount int64
}

// event is a change that happened. It is never refused and never changed.
type event struct {
	Change int64
}

// rejection is a command that was refused.
type rejection struct {
	Command command
	Reason  string
}

// apply is the one place where an event changes a balance.
func apply(balance int64, e event) int64 { return balance + e.Change }

// decide says what becomes of a command: an event, or else the reason why not.
func decide(balance int64, c command) (e event, reason string) {
	switch {
	case c.Amount <= 0:
		return e, "the amount is not above 0"
	case c.Do == "deposit" && c.Amount > math.MaxInt64-balance:
		return e, "the account can't hold that much"
	case c.Do == "deposit":
		return event{c.Amount}, ""
	case c.Do == "withdraw" && c.Amount > balance:
		return e, "insufficient funds"
	case c.Do == "withdraw":
		return event{-c.Amount}, ""
	}
	return e, "the command is unknown"
}

// decision is what became of a command.
type decision struct {
	accepted  bool
	event     event
	rejection rejection
}

// teller decides on the commands of accounts, by the balances that it keeps.
type teller struct{}

func (*teller) Process(ctx *topology.ValueContext[string, decision], r topology.Record[string, command]) error {
	if r.NoKey || r.NoValue {
		return nil // no account or no command
	}
	store := accounts.In(ctx)
	balance, _, err := store.Get(r.Key) // 0 for an account without events
	if err != nil {
		return err
	}
	e, reason := decide(balance, r.Value)
	if reason != "" {
		return ctx.Forward(decision{rejection: rejection{r.Value, reason}})
	}
	if err := store.Put(r.Key, apply(balance, e)); err != nil {
		return err
	}
	return ctx.Forward(decision{accepted: true, event: e})
}
