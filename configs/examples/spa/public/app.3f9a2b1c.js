document.getElementById('page').textContent = location.pathname;
