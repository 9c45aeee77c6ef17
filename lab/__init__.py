"""What lets the whole project run for real on one machine; nothing outside this folder imports it."""
