package main

import "strconv"

// exitError is the end of a program that has said itself why: its status, without a message of ours.
type exitError struct{ status int }

func (e *exitError) Error() string { return "exit status " + strconv.Itoa(e.status) }
