<p>No code: new Not(), Not::x, &lt;?php</p>
