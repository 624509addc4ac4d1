"""What happened and what comes next: events, the history they fold into, and the interfaces around them. All pure."""
