# Multi-Portfolio Performance Comparison
class PortfolioAnalyzer:
    def __init__(self):
        self.base_url = "http://localhost:8900"
    
    async def compare_optimization_methods(self, symbols, initial_value=100000):
        """Compare different optimization methods"""
        methods = ["mean_variance", "max_sharpe", "min_variance", "risk_parity"]
        portfolios = {}
        
        async with aiohttp.ClientSession() as session:
            # Create portfolios with different optimization methods
            for method in methods:
                portfolio_config = {
                    "portfolio_name": f"{method.replace('_', ' ').title()} Portfolio",
                    "symbols": symbols,
                    "initial_value": initial_value,
                    "optimization_method": method
                }
                
                async with session.post(f"{self.base_url}/portfolios/with-symbols", json=portfolio_config) as response:
                    result = await response.json()
                    portfolios[method] = result["portfolio_id"]
                    
                # Optimize each portfolio
                async with session.post(f"{self.base_url}/portfolios/{result['portfolio_id']}/optimize", json={"method": method}) as response:
                    optimization = await response.json()
                    
                print(f"{method}: Expected Return {optimization['expected_return']:.1%}, "
                      f"Risk {optimization['expected_risk']:.1%}, "
                      f"Sharpe {optimization['sharpe_ratio']:.2f}")
        
        return portfolios
    
    async def get_performance_comparison(self, portfolios):
        """Get performance comparison across portfolios"""
        performance_data = {}
        
        async with aiohttp.ClientSession() as session:
            for method, portfolio_id in portfolios.items():
                async with session.get(f"{self.base_url}/portfolios/{portfolio_id}") as response:
                    portfolio = await response.json()
                    performance_data[method] = portfolio['performance_metrics']
        
        # Performance comparison table
        print(f"\n{'Method':<15} {'Return':<8} {'Risk':<8} {'Sharpe':<8} {'Drawdown':<10}")
        print("-" * 55)
        
        for method, metrics in performance_data.items():
            print(f"{method:<15} {metrics['total_return']:>6.1%} {metrics['volatility']:>6.1%} "
                  f"{metrics['sharpe_ratio']:>6.2f} {metrics['max_drawdown']:>8.1%}")
        
        # Find best performers
        best_return = max(performance_data.items(), key=lambda x: x[1]['total_return'])
        best_sharpe = max(performance_data.items(), key=lambda x: x[1]['sharpe_ratio'])
        
        print(f"\nBest Return: {best_return[0]} ({best_return[1]['total_return']:.1%})")
        print(f"Best Sharpe: {best_sharpe[0]} ({best_sharpe[1]['sharpe_ratio']:.2f})")

# Usage
async def main():
    analyzer = PortfolioAnalyzer()
    symbols = ["AAPL", "GOOGL", "MSFT", "AMZN", "TSLA", "NVDA", "META"]
    
    portfolios = await analyzer.compare_optimization_methods(symbols)
    await analyzer.get_performance_comparison(portfolios)

asyncio.run(main())
