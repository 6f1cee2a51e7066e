package main

import (
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/stream"
)

// show plays commands of one account, then loses the state folder.
func show(d *demo.Demo) error {
	stop, err := d.Start(config, ledger)
	if err != nil {
		return err
	}
	defer stop()
	err = play(d, command{"deposit", 500}, command{"deposit", 200}, command{"withdraw", 900}, command{"withdraw", 300})
	if err != nil {
		return err
	}
	if err := printAll(d, 3, 1); err != nil {
		return err
	}
	stop()

	d.Printf("\nthe state folder is wiped, and the events are replayed:\n")
	if err := d.Wipe(); err != nil {
		return err
	}
	stopReplay, err := d.Start(stream.Config{ID: "ledger-replay"}, replay)
	if err != nil {
		return err
	}
	defer stopReplay()
	if err := printBalances(d, 3); err != nil {
		return err
	}
	stopReplay()

	d.Printf("\nthe ledger starts again, and still knows what the account holds:\n")
	stopAgain, err := d.Start(config, ledger)
	if err != nil {
		return err
	}
	defer stopAgain()
	if err := play(d, command{"withdraw", 500}); err != nil {
		return err
	}
	return printRejections(d, 1)
}

// play sends commands for one account.
func play(d *demo.Demo, cs ...command) error {
	for _, c := range cs {
		d.Printf("%-10s %s %d\n", "command", c.Do, c.Amount)
		if err := d.Send(commands, demo.Record[string, command]{Key: "ada", Value: c, At: time.Now()}); err != nil {
			return err
		}
	}
	return nil
}

// printAll prints the events, rejections and balances that the commands made.
func printAll(d *demo.Demo, accepted, rejected int) error {
	happened, err := d.Read(events, accepted)
	if err != nil {
		return err
	}
	for _, r := range happened {
		d.Printf("%-10s %+d\n", "event", r.Value.Change)
	}
	if err := printRejections(d, rejected); err != nil {
		return err
	}
	return printBalances(d, accepted)
}

func printRejections(d *demo.Demo, n int) error {
	rejected, err := d.Read(rejections, n)
	if err != nil {
		return err
	}
	for _, r := range rejected {
		d.Printf("%-10s %s %d: %s\n", "rejected", r.Value.Command.Do, r.Value.Command.Amount, r.Value.Reason)
	}
	return nil
}

func printBalances(d *demo.Demo, n int) error {
	rows, err := d.Read(balances, n)
	if err != nil {
		return err
	}
	for _, r := range rows {
		d.Printf("%-10s %s has %d\n", "balance", r.Key, r.Value)
	}
	return nil
}
